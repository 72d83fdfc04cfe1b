// Tabs, by mouse and by arrow keys.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface Props {
  readonly label: string;
  readonly tabs: readonly { readonly id: string; readonly title: string }[];
  readonly now: string;
  readonly onChange: (id: string) => void;
  readonly children: ComponentChildren;
}

export function Tabs({ label, tabs, now, onChange, children }: Props) {
  const own = useId();
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === now);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? tabs.length - 1 : by === undefined ? undefined : (at + by + tabs.length) % tabs.length;
    const next = to === undefined ? undefined : tabs[to];
    if (next === undefined) return;
    event.preventDefault();
    onChange(next.id);
    document.getElementById(`${own}-${next.id}`)?.focus();
  };
  return (
    <div class="tabbed">
      <div role="tablist" class="tabs" aria-label={label}>
        {tabs.map(({ id, title }) => (
          <button
            key={id} id={`${own}-${id}`} type="button" role="tab" aria-selected={id === now} aria-controls={`${own}-panel`}
            tabIndex={id === now ? 0 : -1} onClick={() => onChange(id)} onKeyDown={move}
          >{title}</button>
        ))}
      </div>
      <div role="tabpanel" id={`${own}-panel`} aria-labelledby={`${own}-${now}`}>{children}</div>
    </div>
  );
}
