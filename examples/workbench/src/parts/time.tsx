// When: the steps of a story on a slider, and any other day.

import type { Moment, Opened } from '../shared.ts';
import { time } from '../words.ts';

/** An instant as a `datetime-local` field has it, in New Zealand. */
function local(instant: string): string {
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'Pacific/Auckland', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
  }).format(new Date(instant));
  return parts.replace(' ', 'T');
}

/** What such a field says, as an instant: the offset is that of New Zealand then. */
function instant(field: string): string | null {
  const guess = Date.parse(`${field}:00Z`);
  if (Number.isNaN(guess)) return null;
  for (const hours of [12, 13]) {
    const at = new Date(guess - hours * 3_600_000).toISOString();
    if (local(at) === field) return at;
  }
  return new Date(guess - 12 * 3_600_000).toISOString();
}

export function Time({ opened, moment, onChange }: { opened: Opened; moment: Moment; onChange: (moment: Moment) => void }) {
  const step = opened.steps[moment.step] ?? opened.steps[0];
  if (step === undefined) return null;
  const now = moment.now ?? step.now;
  const many = opened.steps.length > 1;
  return (
    <section class="time" aria-label="Time">
      {many && (
        <div class="slider">
          <label for="step">Step of the story</label>
          <input
            id="step" type="range" min={0} max={opened.steps.length - 1} step={1} value={moment.step}
            aria-valuetext={`${moment.step + 1}: ${step.title}`}
            onInput={(event) => onChange({ ...moment, step: Number(event.currentTarget.value), now: null })}
          />
          <ol>
            {opened.steps.map(({ title }, at) => (
              <li key={title}>
                <button
                  type="button" class="plain" aria-current={at === moment.step ? 'step' : undefined}
                  onClick={() => onChange({ ...moment, step: at, now: null })}
                >{title}</button>
              </li>
            ))}
          </ol>
        </div>
      )}
      {many && <p class="told" role="status">{step.text}</p>}
      <div class="now">
        <label>
          Asked on
          <input
            type="datetime-local" value={local(now)}
            onChange={(event) => {
              const at = instant(event.currentTarget.value);
              if (at !== null) onChange({ ...moment, now: at });
            }}
          />
        </label>
        <span class="soft">{time(new Date(now))}, in New Zealand</span>
        {moment.now !== null && <button type="button" class="plain" onClick={() => onChange({ ...moment, now: null })}>Back to the day of the data</button>}
      </div>
    </section>
  );
}
