/** Which columns are shown; and the selection as a file. */
import { CheckboxItem, Content, Item, ItemIndicator, Portal, Root, Trigger } from '@radix-ui/react-dropdown-menu';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { saveFile } from '../parts/buttons.tsx';
import { Icon } from '../parts/icons.tsx';
import { columns, hiddenAtFirst } from './columns.tsx';
import type { Exchange } from './exchanges.ts';
import { listQuery, type TrafficSearch } from './filters.ts';

type Visibility = Readonly<Record<string, boolean>>;
const key = 'hindcast.columns';

/** Which columns are shown, as this browser was told the last time. */
export function useVisibility(): readonly [Visibility, (visibility: Visibility) => void] {
  const [visibility, setVisibility] = useState<Visibility>(() => {
    try {
      return { ...hiddenAtFirst, ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Visibility) };
    } catch {
      return hiddenAtFirst;
    }
  });
  const set = (next: Visibility): void => {
    setVisibility(next);
    localStorage.setItem(key, JSON.stringify(next));
  };
  return [visibility, set];
}

/** A menu of all columns; `visibility` says false for hidden ones. */
export function ColumnMenu({ visibility, onChange }: { readonly visibility: Visibility; onChange(visibility: Visibility): void }) {
  return (
    <Root modal={false}>
      <Trigger className="button">
        <Icon name="columns" />
        Columns
      </Trigger>
      <Portal>
        <Content className="menu" align="end" sideOffset={6}>
          {columns.map(({ id, header }) => (
            <CheckboxItem
              key={id}
              checked={visibility[id!] !== false}
              onSelect={event => event.preventDefault()}
              onCheckedChange={isShown => onChange({ ...visibility, [id!]: isShown })}
            >
              <span className="tick">
                <ItemIndicator>
                  <Icon name="check" />
                </ItemIndicator>
              </span>
              {String(header)}
            </CheckboxItem>
          ))}
        </Content>
      </Portal>
    </Root>
  );
}

const exportMax = 10_000;

/** The selection from the store, at most 10,000 rows. */
async function selection(search: TrafficSearch): Promise<readonly Exchange[]> {
  const rows: Exchange[] = [];
  for (let after: string | undefined; rows.length < exportMax; ) {
    const page = await call('listExchanges', { query: { ...listQuery(search), limit: 1_000, ...(after === undefined ? {} : { after }) } });
    rows.push(...page.data);
    if (page.next === null) break;
    after = page.next;
  }
  return rows.slice(0, exportMax);
}

/** A cell that a spreadsheet does not run as a formula. */
const cell = (value: unknown): string => {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
  return `"${(/^[=+\-@\t\r]/.test(text) && typeof value === 'string' ? `'${text}` : text).replaceAll('"', '""')}"`;
};

function csv(rows: readonly Exchange[]): string {
  const names = Object.keys(rows[0] ?? {}) as (keyof Exchange)[];
  return [names.join(','), ...rows.map(row => names.map(name => cell(row[name])).join(','))].join('\n');
}

/** A menu that saves the selection as JSON lines or CSV, at most 10,000 rows. */
export function ExportMenu({ search }: { readonly search: TrafficSearch }) {
  const [isBusy, setBusy] = useState(false);
  const save = async (kind: 'jsonl' | 'csv'): Promise<void> => {
    setBusy(true);
    try {
      const rows = await selection(search);
      if (kind === 'csv') saveFile('exchanges.csv', 'text/csv', csv(rows));
      else saveFile('exchanges.jsonl', 'application/jsonl', rows.map(row => JSON.stringify(row)).join('\n'));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Root modal={false}>
      <Trigger className="button" disabled={isBusy}>
        <Icon name="download" />
        {isBusy ? 'Exporting…' : 'Export'}
      </Trigger>
      <Portal>
        <Content className="menu" align="end" sideOffset={6}>
          <Item onSelect={() => void save('jsonl')}>JSON lines, at most 10,000</Item>
          <Item onSelect={() => void save('csv')}>CSV, at most 10,000</Item>
        </Content>
      </Portal>
    </Root>
  );
}
