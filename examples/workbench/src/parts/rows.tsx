// A list of records as the guides have it: a table whose first cell opens the record.

import type { HomeList, Name } from '../shared.ts';
import { Scroll } from './scroll.tsx';

interface Props {
  readonly list: HomeList;
  readonly searching: boolean;
  readonly onOpen: (name: Name) => void;
  readonly onMore: () => void;
}

export function Rows({ list, searching, onOpen, onMore }: Props) {
  const { title, columns, rows, total, found, searched } = list;
  const heading = `${title} (${searching ? `${found} of ${total}` : total})`;
  return (
    <section>
      <h3>{heading}</h3>
      {searching && searched < total && <p class="soft">The first {searched} are searched.</p>}
      {rows.length === 0 ? <p class="soft">None.</p> : (
        <Scroll label={heading}>
          <table>
            <thead>
              <tr>{columns.map((column) => <th key={column.title} scope="col">{column.title}</th>)}</tr>
            </thead>
            <tbody>
              {rows.map(({ name, cells }) => (
                <tr key={name}>
                  {cells.map((cell, at) => (
                    <td key={columns[at]?.title} data-title={columns[at]?.title}>
                      {at === 0 ? <button type="button" class="link" onClick={() => onOpen(name)}>{cell}</button> : cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {rows.length < found && <button type="button" class="plain" onClick={onMore}>Show more ({found - rows.length} left)</button>}
    </section>
  );
}
