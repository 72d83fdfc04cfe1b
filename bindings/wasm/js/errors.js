// What goes wrong.

/** An error of the engine: `kind` says which, `problems` what and where. */
export class CasewardError extends Error {
  /**
   * @param {string} kind
   * @param {string} message
   * @param {object[]} [problems]
   * @param {ErrorOptions} [options]
   */
  constructor(kind, message, problems = [], options = undefined) {
    super(message, options);
    this.name = 'CasewardError';
    this.kind = kind;
    this.problems = problems;
  }
}

/** An error of kind `request`: what was asked makes no sense. */
export function refuse(message) {
  return new CasewardError('request', message);
}
