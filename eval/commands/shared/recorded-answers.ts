/** Recorded requests and responses for scoring, labelling and auditing. */
import { CommandError, exit } from '../../../gateway/cli/command.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { contentOf, readAnswer } from '../../../replay/recorded/answer.ts';
import { wireProviderOf } from '../../../replay/recorded/dialects.ts';
import { requestText } from '../../../replay/recorded/request-text.ts';
import { parseCount, parseTime } from '../../../replay/recorded/selection.ts';
import { selectRuns } from '../../outcomes/query.ts';
import type { Content } from '../../scores/agreement.ts';
import { type AnswerRow, selectAnswers } from '../../scores/answers.ts';
import type { SharedOptions } from './options.ts';
import { continuousRun, runNamed } from './store-outcomes.ts';

export interface AnswerOptions extends SharedOptions {
  readonly run?: readonly string[];
  readonly target?: readonly string[];
  readonly since?: string;
  readonly limit: string;
}

export interface RecordedAnswer extends AnswerRow {
  readonly question: string;
  readonly answer: Content;
}

/** Those that this version can read; `unread` counts the others. */
export async function loadAnswers(
  store: Store,
  options: AnswerOptions,
): Promise<{ readonly answers: readonly RecordedAnswer[]; readonly unread: number }> {
  const all = await selectRuns(store);
  const named = options.run ?? [];
  const runs = named.map(name => continuousRun(name)?.run_id ?? runNamed(all, name, ({ kind }) => kind !== 'import').run_id);
  const rows = await selectAnswers(store, {
    runs,
    // An audit or shadow is compared with the original response.
    live: runs.length === 0 || named.some(continuousRun),
    targets: options.target ?? [],
    limit: parseCount(options.limit, '--limit'),
    ...(options.since === undefined ? {} : { since: parseTime(options.since, '--since', wallClock.now()) }),
  });
  if (rows.length === 0)
    throw new CommandError(
      exit.nothing,
      'No recorded answer is selected. Ask the gateway something, or name another --run, --target or --since.',
    );
  const answers = rows.flatMap(row => {
    const answer = answerOf(row);
    return answer ? [{ ...row, question: requestText(row.dialect, row.request_body), answer }] : [];
  });
  return { answers, unread: rows.length - answers.length };
}

function answerOf({ dialect, response_body: body }: AnswerRow): Content | undefined {
  const wire = wireProviderOf(dialect);
  if (!wire) return undefined;
  const response = readAnswer(wire, !/^\s*[[{]/.test(body), Buffer.from(body));
  return 'kind' in response ? undefined : contentOf(response);
}
