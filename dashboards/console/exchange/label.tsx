/** A person's judgement of an answer: right, wrong, or in between; keys 1, 2 and 0. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../api/client.ts';
import { query } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';

export const judgements = [
  { key: '1', value: 1, title: 'Right' },
  { key: '2', value: 0.5, title: 'In between' },
  { key: '0', value: 0, title: 'Wrong' },
] as const;

/** The label that this exchange has, and what gives it one. */
export function useLabel(exchange: string, name = 'quality') {
  const client = useQueryClient();
  const labels = query('listLabels', { query: { exchange, name } });
  const { data } = useQuery({ ...labels, enabled: exchange !== '' });
  const add = useMutation({
    mutationFn: (value: number) => call('addLabel', { body: { exchange, name, value } }),
    onSuccess: ({ value, evaluator }) =>
      client.setQueryData(labels.queryKey, before => {
        const row = { exchange, received_at: '', tenant: '', name, value, evaluator, explanation: '' };
        return { next: null, data: [row, ...(before?.data.filter(label => label.evaluator !== evaluator) ?? [])] };
      }),
  });
  return { value: data?.data[0]?.value, by: data?.data[0]?.evaluator, error: add.error, judge: add.mutate };
}

/** Three buttons that label an answer. */
export function LabelButtons({ exchange, name = 'quality' }: { readonly exchange: string; readonly name?: string }) {
  const { value, judge, error } = useLabel(exchange, name);
  return (
    <span className="row wrap">
      {judgements.map(judgement => (
        <Button
          key={judgement.key}
          aria-pressed={value === judgement.value}
          className={value === judgement.value ? 'on' : ''}
          onClick={() => judge(judgement.value)}
        >
          {judgement.title} <kbd>{judgement.key}</kbd>
        </Button>
      ))}
      {error && (
        <span className="muted" role="alert">
          {error.message}
        </span>
      )}
    </span>
  );
}
