/** One pair: the question, both answers side by side with what is different marked, and a label by the keys 1, 2 and 0. */
import { Link } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { judgements, LabelButtons, useLabel } from '../exchange/label.tsx';
import { readable, usePayload } from '../exchange/payload.ts';
import { Turns } from '../exchange/turns.tsx';
import { Button } from '../parts/buttons.tsx';
import { Loaded } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Panel } from '../parts/panel.tsx';
import { Text, Visible } from '../parts/text.tsx';
import { count, duration, usd } from '../text/format.ts';
import { questionTurns } from '../text/turns/question.ts';
import { type WordPiece, wordDifferences } from '../text/words.ts';
import { likenessTones, type Pair } from './comparison.ts';

interface PairViewProps {
  readonly pair: Pair;
  readonly place: string;
  onStep(step: 1 | -1): void;
}

/** `onStep` opens the next pair or the one before. */
export function PairView({ pair, place, onStep }: PairViewProps) {
  const { recorded, replayed, diff } = pair;
  const pieces = useMemo(() => wordDifferences(recorded.text, replayed.text), [recorded.text, replayed.text]);
  usePairKeys(pair, onStep);
  return (
    <div className="stack pair-view">
      <Panel
        title={
          <span className="row">
            Question
            <Badge tone={likenessTones[diff.likeness] ?? 'plain'}>
              {diff.likeness}, by {diff.decidedBy}
            </Badge>
          </span>
        }
        actions={
          <span className="row">
            <span className="muted nowrap">{place}</span>
            <Button icon="left" kind="quiet" aria-label="Pair before" title="k" onClick={() => onStep(-1)} />
            <Button icon="right" kind="quiet" aria-label="Next pair" title="j" onClick={() => onStep(1)} />
          </span>
        }
      >
        <Question id={pair.id} />
      </Panel>
      <div className="side-by-side">
        <AnswerPanel
          title="Recorded"
          answer={recorded}
          pieces={pieces?.before}
          actions={
            <Link to="/exchanges/$id" params={{ id: pair.id }}>
              Open
            </Link>
          }
        />
        <AnswerPanel title="Replayed" answer={replayed} pieces={pieces?.after} />
      </div>
      <div className="row wrap label-bar">
        <span className="muted">The recorded answer is</span>
        <LabelButtons exchange={pair.id} />
        <span className="muted">
          <kbd>j</kbd> <kbd>k</kbd> next and before
        </span>
      </div>
    </div>
  );
}

function Question({ id }: { readonly id: string }) {
  const payload = usePayload(id, 0, true);
  return (
    <Loaded query={payload}>
      {({ request, encoding }) => {
        const turns = questionTurns(readable(request, encoding));
        return turns.length > 0 ? <Turns turns={turns} /> : <Text isCode text={readable(request, encoding)} />;
      }}
    </Loaded>
  );
}

interface AnswerPanelProps {
  readonly title: string;
  readonly answer: Pair['recorded'];
  /** Undefined for texts too long to compare word by word. */
  readonly pieces: readonly WordPiece[] | undefined;
  readonly actions?: React.ReactNode;
}

function AnswerPanel({ title, answer, pieces, actions }: AnswerPanelProps) {
  const calls = Array.isArray(answer.toolCalls) ? answer.toolCalls : [];
  return (
    <Panel
      title={
        <span className="row">
          {title}
          <span className="muted">{answer.target}</span>
        </span>
      }
      actions={actions}
    >
      <div className="stack">
        {answer.text === '' && calls.length === 0 && <p className="muted">No text; it ended as {answer.outcome}.</p>}
        {pieces === undefined ? <Text text={answer.text} /> : <Pieces pieces={pieces} />}
        {calls.length > 0 && <Text isCode text={JSON.stringify(calls, undefined, 2)} />}
        <p className="muted">
          {duration(answer.latencyMs)} ·{' '}
          {answer.outputTokens === undefined || answer.outputTokens === null ? '–' : count(answer.outputTokens)} tokens ·{' '}
          {usd(typeof answer.costNanoUsd === 'number' ? answer.costNanoUsd / 1e9 : null)}
        </p>
      </div>
    </Panel>
  );
}

const Pieces = ({ pieces }: { readonly pieces: readonly WordPiece[] }) => (
  <div className="text">
    {pieces.map(({ kind, text }, i) => {
      const Tag = ({ same: 'span', added: 'ins', removed: 'del' } as const)[kind];
      return (
        <Tag key={`${i}`}>
          <Visible text={text} />
        </Tag>
      );
    })}
  </div>
);

/** 1, 2 and 0 label the pair; j and k go on and back. */
function usePairKeys(pair: Pair, onStep: PairViewProps['onStep']): void {
  const { judge } = useLabel(pair.id);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        (event.target as HTMLElement).closest('input, textarea, select, [contenteditable]')
      )
        return;
      const judgement = judgements.find(({ key }) => key === event.key);
      if (judgement) judge(judgement.value);
      if (event.key === 'j') onStep(1);
      if (event.key === 'k') onStep(-1);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [judge, onStep]);
}
