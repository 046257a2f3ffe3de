/** The chosen thresholds tested, and written into the configuration after the difference was shown. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type AnswerOf, call } from '../api/client.ts';
import { mayActAs, query, session } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Problem } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Panel } from '../parts/panel.tsx';
import { percent } from '../text/format.ts';
import type { Row } from './points.ts';

interface WriteProps {
  readonly route: string;
  readonly signal: string;
  readonly chosen: Row;
}

/** Shown to admins: what would change in the file, then a button that writes it. */
export function WritePanel({ route, signal, chosen }: WriteProps) {
  const client = useQueryClient();
  const { data: who } = useQuery(session);
  const running = useQuery(query('getThresholds', { params: { route } }));
  const write = useMutation({
    mutationFn: (hash: string) =>
      call('setThresholds', { params: { route }, body: { signal, thresholds: [...chosen.thresholds] }, ifMatch: hash }),
    onSuccess: () => client.invalidateQueries(),
  });
  if (!mayActAs(who?.role ?? 'viewer', 'admin') || !running.data) return null;
  const steps = running.data.steps.slice(0, chosen.thresholds.length);
  const isSame = steps.every(({ at_least }, i) => at_least === chosen.thresholds[i]);
  return (
    <Panel title="Write to the configuration">
      <div className="stack">
        <pre className="text code difference">
          {`  ${route}:\n`}
          {steps.map(({ target, at_least, signal: old }, i) => (
            <span key={target}>
              {`    ${target}: `}
              {!isSame && at_least !== null && <del>{`${old} ≥ ${at_least}`}</del>} <ins>{`${signal} ≥ ${chosen.thresholds[i]}`}</ins>
              {'\n'}
            </span>
          ))}
        </pre>
        {write.error && <Problem error={write.error} />}
        <div className="row wrap">
          <Button kind="primary" disabled={isSame || write.isPending} onClick={() => write.mutate(running.data.config_hash)}>
            {isSame ? 'This is what runs' : 'Write it'}
          </Button>
          {write.data && <span className="muted">Written; the gateway takes it within a second. Hash {write.data.config_hash}.</span>}
        </div>
      </div>
    </Panel>
  );
}

type Certificate = NonNullable<AnswerOf<'certifyThreshold'>['certificate']>;

/** Finds the lowest threshold with a bounded loss. */
export function CertifyPanel({ route, run }: { readonly route: string; readonly run: string | undefined }) {
  const { data: who } = useQuery(session);
  const [maxLoss, setMaxLoss] = useState('2');
  const certify = useMutation({
    mutationFn: () =>
      call('certifyThreshold', { params: { route }, body: { max_loss_pp: Number(maxLoss), ...(run === undefined ? {} : { run }) } }),
  });
  if (!mayActAs(who?.role ?? 'viewer', 'analyst')) return null;
  const problem = certify.error ?? certify.data?.problem;
  return (
    <Panel title="Certify">
      <form
        className="stack"
        onSubmit={event => {
          event.preventDefault();
          certify.mutate();
        }}
      >
        <div className="row wrap">
          <label className="row">
            <span>Lose at most</span>
            <input
              className="input"
              style={{ width: 64 }}
              inputMode="decimal"
              value={maxLoss}
              onChange={event => setMaxLoss(event.target.value)}
            />
            <span>points, with 95 % certainty</span>
          </label>
          <Button type="submit" disabled={certify.isPending}>
            {certify.isPending ? 'Testing…' : 'Certify'}
          </Button>
        </div>
        {problem !== null && problem !== undefined && <Problem error={problem} />}
        {certify.data?.certificate && <Verdict certificate={certify.data.certificate} />}
      </form>
    </Panel>
  );
}

interface Tested {
  readonly thresholds: readonly number[];
  readonly accept: number;
  readonly loss: number;
  readonly p: number | null;
}

function Verdict({ certificate }: { readonly certificate: Certificate }) {
  const {
    verdict = 'inconclusive',
    thresholds,
    loss_upper,
    tested = [],
    notes = [],
    items,
  } = certificate as Certificate & {
    readonly thresholds?: readonly number[] | null;
    readonly loss_upper?: number | null;
    readonly tested?: readonly Tested[];
    readonly notes?: readonly string[];
    readonly items?: number;
  };
  return (
    <div className="stack">
      <div className="row wrap">
        <Badge tone={verdict === 'certified' ? 'good' : 'warn'}>{verdict}</Badge>
        {thresholds && (
          <span>
            from <b>{thresholds.join(', ')}</b> on, harm is at most {percent(loss_upper)}
          </span>
        )}
        <span className="muted">{items} requests decided</span>
      </div>
      <TestedTable tested={tested} />
      <ul className="muted">
        {notes.map(note => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </div>
  );
}

const TestedTable = ({ tested }: { readonly tested: readonly Tested[] }) => (
  <table className="figures">
    <caption className="muted">Tested one after another, the strictest first; it ends where one is not shown</caption>
    <thead>
      <tr>
        <th scope="col">Threshold</th>
        <th scope="col" className="num">
          Kept early
        </th>
        <th scope="col" className="num">
          Lost
        </th>
        <th scope="col" className="num">
          p
        </th>
      </tr>
    </thead>
    <tbody>
      {tested.slice(0, 12).map(one => (
        <tr key={one.thresholds.join()}>
          <td>{one.thresholds.join(', ')}</td>
          <td className="num">{percent(one.accept)}</td>
          <td className="num">{percent(one.loss)}</td>
          <td className="num">{one.p === null ? '–' : one.p.toPrecision(2)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
