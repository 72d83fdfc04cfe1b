// What may be wider than the page, and is then scrolled by itself, by keyboard too.

import type { ComponentChildren } from 'preact';

export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached to be scrolled
    <section class="scroll" tabIndex={0} aria-label={label}>{children}</section>
  );
}
