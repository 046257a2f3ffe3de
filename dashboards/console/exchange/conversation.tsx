/** What was asked and what was answered; and whether the stored answer is the one that was delivered. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { CopyButton, Segments } from '../parts/buttons.tsx';
import { Loaded } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Facts, Panel } from '../parts/panel.tsx';
import { Json } from '../parts/text.tsx';
import { bytes } from '../text/format.ts';
import { answerTurns } from '../text/turns/answer.ts';
import { questionTurns } from '../text/turns/question.ts';
import { type Payload, readable, sha256, sizeOf, usePayload } from './payload.ts';
import { indented, Turns } from './turns.tsx';
import type { ExchangeDetail } from './waterfall.ts';

export function Conversation({ exchange }: { readonly exchange: ExchangeDetail }) {
  const payload = usePayload(exchange.id, 0, true);
  const [view, setView] = useState<'conversation' | 'raw'>('conversation');
  return (
    <Loaded query={payload}>
      {found => (
        <Panel
          title="Question and answer"
          actions={
            <>
              <Digest payload={found} delivered={exchange.delivered_sha256} />
              {found.redactions > 0 && <Badge tone="warn">{found.redactions} redacted</Badge>}
              {found.truncated && <Badge tone="warn">cut when it was stored</Badge>}
              <Segments<'conversation' | 'raw'>
                label="View"
                values={[
                  ['conversation', 'Conversation'],
                  ['raw', 'Raw'],
                ]}
                value={view}
                onChange={setView}
              />
            </>
          }
        >
          {view === 'raw' ? <Raw payload={found} /> : <AsTurns payload={found} />}
        </Panel>
      )}
    </Loaded>
  );
}

function AsTurns({ payload: { request, response, encoding } }: { readonly payload: Payload }) {
  const question = questionTurns(readable(request, encoding));
  const answer = answerTurns(readable(response, encoding));
  if (question.length === 0 && answer.length === 0) return <p className="muted">These bytes are no conversation; see them raw.</p>;
  return (
    <>
      <Turns turns={question} />
      {answer.length === 0 ? <p className="no-answer muted">No answer was stored.</p> : <Turns turns={answer} />}
    </>
  );
}

function Raw({ payload: { request, response, encoding, request_headers } }: { readonly payload: Payload }) {
  const [asked, answered] = [readable(request, encoding), readable(response, encoding)];
  return (
    <div className="side-by-side">
      <div className="stack">
        <div className="row">
          <h3 className="grow">Request, {bytes(sizeOf(request, encoding))}</h3>
          <CopyButton kind="quiet" label="Copy" text={asked} />
        </div>
        <Json value={indented(asked)} />
        <h3>Headers</h3>
        <Facts facts={Object.entries(request_headers)} />
      </div>
      <div className="stack">
        <div className="row">
          <h3 className="grow">Answer, {bytes(sizeOf(response, encoding))}</h3>
          <CopyButton kind="quiet" label="Copy" text={answered} />
        </div>
        <Json value={indented(answered)} />
      </div>
    </div>
  );
}

function Digest({ payload: { response, encoding }, delivered }: { readonly payload: Payload; readonly delivered: string }) {
  const { data } = useQuery({
    queryKey: ['sha256', delivered, response.length],
    queryFn: async () => (await sha256(response, encoding)) ?? null,
    enabled: delivered !== '',
  });
  if (data === undefined || data === null) return null;
  return data === delivered ? <Badge tone="good">stored = delivered</Badge> : <Badge tone="warn">stored ≠ delivered</Badge>;
}
