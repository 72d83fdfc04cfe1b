// A page whose content security policy does not allow WebAssembly.

import { CasewardError, init } from 'caseward';

const found = await init().then(
  () => ['loaded'],
  (error) => [error instanceof CasewardError && error.kind, error.message, error.cause?.name],
);
document.querySelector('#result').textContent = JSON.stringify(found);
