// Role by action by situation. Signs tell what colours tell, and every cell says itself to who cannot see them.

import { useState } from 'preact/hooks';

import { engine } from '../client.ts';
import { Answered, useAsked } from '../parts/asked.tsx';
import { Scroll } from '../parts/scroll.tsx';
import type { Grid, Opened } from '../shared.ts';
import type { State } from '../state.ts';
import { count, title } from '../words.ts';

interface Props {
  readonly state: State;
  readonly opened: Opened;
}

export function Matrix({ state, opened }: Props) {
  const edits = Object.keys(state.edited).length;
  const [against, setAgainst] = useState<'edited' | 'package' | null>(edits > 0 ? 'edited' : null);
  const asked = useAsked(() => engine.grid(against, state.edited), [opened.policyHash, against, state.edited]);
  return (
    <>
      <p class="lead">
        Every role, action and situation of attendance case management, decided by the policies on small worlds of their own.
        {edits > 0 ? '' : ' Change a policy under Edit, and the cells that differ are marked here.'}
      </p>
      {edits > 0 && (
        <label class="check">
          <input type="checkbox" checked={against === 'edited'} onChange={(event) => setAgainst(event.currentTarget.checked ? 'edited' : null)} />
          As edited: mark what {count(edits, 'changed file')} {edits === 1 ? 'changes' : 'change'}
        </label>
      )}
      {!opened.ours && (
        <label class="check">
          <input type="checkbox" checked={against === 'package'} onChange={(event) => setAgainst(event.currentTarget.checked ? 'package' : null)} />
          Beside the rules that come with caseward: mark what these change
        </label>
      )}
      <Answered asked={asked}>{(grid) => <Blocks grid={grid} />}</Answered>
    </>
  );
}

function Blocks({ grid }: { grid: Grid }) {
  const [at, setAt] = useState(0);
  const [only, setOnly] = useState(false);
  const { blocks, roles, changed } = grid;
  const differ = changed === null ? [] : Object.keys(changed);
  const shown = blocks.map((block, index) => ({ block, index })).filter(({ index }) => !only || differ.some((key) => key.startsWith(`${index}/`)));
  const now = shown.find(({ index }) => index === at) ?? shown[0];
  const [cell, setCell] = useState<{ action: string; role: string } | null>(null);
  return (
    <>
      {changed !== null && (
        <p role="status" class="told">
          {differ.length === 0 ? 'No cell differs.' : `${count(differ.length, 'cell differs', 'cells differ')}.`}{' '}
          {differ.length > 0 && <label class="check"><input type="checkbox" checked={only} onChange={(event) => setOnly(event.currentTarget.checked)} /> Only situations that change</label>}
        </p>
      )}
      <label class="wide">Situation
        <select value={now?.index ?? 0} onChange={(event) => {
          setAt(Number(event.currentTarget.value));
          setCell(null);
        }}>
          {shown.map(({ block, index }) => <option key={index} value={index}>{block.resource}: {block.situation}</option>)}
        </select>
      </label>
      {now !== undefined && <Block {...{ grid, cell, setCell }} index={now.index} />}
      {cell !== null && <Speaking {...cell} roles={roles} />}
      <details class="legend">
        <summary>Roles and signs</summary>
        <p>✔ allowed, · denied{changed === null ? '' : ', + newly allowed, − no longer allowed'}.</p>
        <dl class="fields">{roles.map(({ id, title: said }) => <div key={id}><dt>{id}</dt><dd>{said}</dd></div>)}</dl>
      </details>
    </>
  );
}

function Block({ grid, index, cell, setCell }: {
  grid: Grid; index: number; cell: { action: string; role: string } | null; setCell: (cell: { action: string; role: string } | null) => void;
}) {
  const block = grid.blocks[index];
  if (block === undefined) return null;
  const label = `${block.resource}: ${block.situation}`;
  const start = cell ?? { action: block.rows[0]?.action, role: grid.roles[0]?.id };
  return (
    <Scroll label={label}>
      <table class="matrix" onKeyDown={move}>
        <thead>
          <tr><th scope="col">Action</th>{grid.roles.map(({ id, title: said }) => <th key={id} scope="col"><abbr title={said}>{id}</abbr></th>)}</tr>
        </thead>
        <tbody>
          {block.rows.map(({ action, allowed }, row) => (
            <tr key={action}>
              <th scope="row">{title(action)}</th>
              {grid.roles.map(({ id }, column) => {
                const differs = grid.changed?.[`${index}/${action}/${id}`];
                const state = differs ?? (allowed.includes(id) ? 'may' : 'not');
                const first = start.action === action && start.role === id;
                return (
                  <td key={id} class={`${state}${cell !== null && first ? ' here' : ''}`}>
                    <button
                      type="button" data-row={row} data-column={column} tabIndex={first ? 0 : -1}
                      aria-label={`${title(action)}, ${id}: ${SAID[state]}`} onClick={() => setCell({ action, role: id })}
                    >{SIGNS[state]}</button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const SIGNS = { gained: '+', lost: '−', may: '✔', not: '·' } as const;
const SAID = { gained: 'newly allowed', lost: 'no longer allowed', may: 'allowed', not: 'denied' } as const;

/** Arrow keys go from cell to cell. */
function move(event: KeyboardEvent): void {
  const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const from = event.target as HTMLElement;
  if (by === undefined || from.dataset['row'] === undefined) return;
  const [row, column] = [Number(from.dataset['row']) + (by[0] ?? 0), Number(from.dataset['column']) + (by[1] ?? 0)];
  const to = from.closest('table')?.querySelector<HTMLElement>(`[data-row="${row}"][data-column="${column}"]`);
  if (to === null || to === undefined) return;
  event.preventDefault();
  to.focus();
}

/** The policies that speak of an action: those among which the rule of a cell is. */
function Speaking({ action, role, roles }: { action: string; role: string; roles: Grid['roles'] }) {
  const asked = useAsked(() => engine.speaking(action), [action]);
  const said = roles.find(({ id }) => id === role)?.title;
  return (
    <section class="author" aria-live="polite">
      <h3>{title(action)}{said === undefined ? '' : `, ${said}`}</h3>
      <p class="soft">The policies that name this action, or all actions. Which of them decides for a person and a record is under Ask.</p>
      <Answered asked={asked}>
        {(policies) => (
          <ul>{policies.map(({ id, rule, effect, description }) => (
            <li key={id}><span class={`rule ${effect}`}>{rule}</span> {effect === 'forbid' ? <em>forbids: </em> : null}{description}</li>
          ))}</ul>
        )}
      </Answered>
    </section>
  );
}
