// The service of the home page: a request for support is started for a student.

import { useState } from 'preact/hooks';

import { engine } from '../client.ts';
import type { Home, Moment, Name } from '../shared.ts';
import type { Outcome } from '../worker/acts.ts';
import { count } from '../words.ts';
import { Answered, useAsked } from './asked.tsx';
import { Came, Press } from './press.tsx';

interface Props {
  readonly moment: Moment;
  readonly person: Name;
  readonly service: NonNullable<Home['service']>;
  readonly onActed: () => void;
}

export function Start({ moment, person, service, onActed }: Props) {
  const { students, looked, all } = service;
  const [student, setStudent] = useState(students[0]?.name ?? '');
  const [outcome, setOutcome] = useState<Outcome>();
  const chosen = students.some(({ name }) => name === student) ? student : (students[0]?.name ?? '');
  const asked = useAsked(() => engine.start(moment, person, chosen), [moment, person, chosen]);
  return (
    <div class="service">
      <p><strong>Chronic Absence request for support</strong> <span class="soft">
        for {count(students.length, 'student')}{looked < all ? ` of the first ${looked}` : ''}</span></p>
      <label>Student
        <select value={chosen} onChange={(event) => setStudent(event.currentTarget.value)}>
          {students.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
        </select>
      </label>
      <Answered asked={asked}>
        {(button) => button === null ? null : (
          <Press {...{ moment, person, button }} record={chosen} onDone={(came) => {
            setOutcome(came);
            if (came.changed) onActed();
          }} />
        )}
      </Answered>
      <Came outcome={outcome} />
    </div>
  );
}
