/** Which exchanges are shown: time, words, and any filter, each as a chip that can be taken away. */
import { Content, Portal, Root, Trigger } from '@radix-ui/react-popover';
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { query } from '../api/queries.ts';
import { Button, Segments } from '../parts/buttons.tsx';
import { Icon } from '../parts/icons.tsx';
import { defaultSpan, type Filter, type FilterName, filters, spans, type TrafficSearch } from './filters.ts';

interface FilterBarProps {
  readonly search: TrafficSearch;
  readonly maySearchTexts: boolean;
  onChange(search: TrafficSearch): void;
}

export function FilterBar({ search, maySearchTexts, onChange }: FilterBarProps) {
  const without = (name: keyof TrafficSearch): TrafficSearch => Object.fromEntries(Object.entries(search).filter(([key]) => key !== name));
  return (
    <div className="filter-bar">
      <Segments
        label="Time"
        values={spans}
        value={(search.since ?? defaultSpan) as (typeof spans)[number][0]}
        onChange={since => onChange(since === defaultSpan ? without('since') : { ...search, since })}
      />
      {maySearchTexts && (
        <TextSearch text={search.text ?? ''} onChange={text => onChange(text === '' ? without('text') : { ...search, text })} />
      )}
      <FilterPopover search={search} onChange={onChange} />
      {filters
        .filter(({ name }) => search[name] !== undefined)
        .map(({ name, label }) => (
          <button
            key={name}
            type="button"
            className="chip"
            onClick={() => onChange(without(name))}
            aria-label={`Remove filter ${label} ${search[name]}`}
          >
            <span className="muted">{label}</span> {search[name]}
            <Icon name="close" />
          </button>
        ))}
    </div>
  );
}

function TextSearch({ text, onChange }: { readonly text: string; onChange(text: string): void }) {
  const [draft, setDraft] = useState(text);
  return (
    <form
      className="text-search"
      onSubmit={event => {
        event.preventDefault();
        onChange(draft.trim());
      }}
    >
      <Icon name="search" />
      <input
        className="input"
        type="search"
        aria-label="Words in requests and answers"
        placeholder="Words in requests and answers"
        value={draft}
        onChange={event => setDraft(event.target.value)}
      />
    </form>
  );
}

function FilterPopover({ search, onChange }: Pick<FilterBarProps, 'search' | 'onChange'>) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Root open={isOpen} onOpenChange={setOpen}>
      <Trigger className="button">
        <Icon name="filter" />
        Filter
      </Trigger>
      <Portal>
        <Content className="popover" align="start" sideOffset={6} collisionPadding={10} aria-label="Filters">
          <FilterForm
            search={search}
            onApply={next => {
              onChange(next);
              setOpen(false);
            }}
          />
        </Content>
      </Portal>
    </Root>
  );
}

function FilterForm({ search, onApply }: { readonly search: TrafficSearch; onApply(search: TrafficSearch): void }) {
  const [draft, setDraft] = useState<TrafficSearch>(search);
  const set = (name: FilterName, value: string): void => setDraft({ ...draft, [name]: value });
  return (
    <form
      className="filter-form"
      onSubmit={event => {
        event.preventDefault();
        onApply(Object.fromEntries(Object.entries(draft).filter(([name, value]) => name === 'since' || value.trim() !== '')));
      }}
    >
      {filters.map(filter => (
        <FilterField key={filter.name} filter={filter} value={draft[filter.name] ?? ''} onChange={value => set(filter.name, value)} />
      ))}
      <div className="row" style={{ gridColumn: '1 / -1', justifyContent: 'flex-end' }}>
        <Button kind="quiet" onClick={() => onApply(search.since === undefined ? {} : { since: search.since })}>
          Clear all
        </Button>
        <Button kind="primary" type="submit">
          Apply
        </Button>
      </div>
    </form>
  );
}

function FilterField({ filter, value, onChange }: { readonly filter: Filter; readonly value: string; onChange(value: string): void }) {
  const id = useId();
  const { name, label, choices, hint = '', isNumber } = filter;
  const known = useKnown(name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {choices ? (
        <select id={id} className="input" value={value} onChange={event => onChange(event.target.value)}>
          <option value="">any</option>
          {choices.map(choice => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          className="input"
          placeholder={hint}
          list={known.length > 0 ? `${id}-known` : undefined}
          inputMode={isNumber ? 'decimal' : 'text'}
          value={value}
          onChange={event => onChange(event.target.value)}
        />
      )}
      {known.length > 0 && (
        <datalist id={`${id}-known`}>
          {known.map(option => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
    </div>
  );
}

const dimensions: readonly string[] = ['tenant', 'project', 'key', 'route', 'provider', 'model'];

/** What occurred within 30 days. */
function useKnown(name: FilterName): readonly string[] {
  const { data } = useQuery({
    ...query('getUsage', { query: { since: '30d', bucket: 'all', by: dimensions.includes(name) ? name : 'route', limit: 200 } }),
    enabled: dimensions.includes(name),
    staleTime: 60_000,
  });
  return dimensions.includes(name) ? (data?.data ?? []).map(({ by }) => by[name] ?? '').filter(value => value !== '') : [];
}
