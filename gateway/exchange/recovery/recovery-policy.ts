/** Whether a broken stream may be buffered, continued or restarted, by route, caller and request. */

import type { CallerFormat } from '../../core/chat/caller-format.ts';
import type { ChatRequest } from '../../core/chat/chat.ts';
import type { RoutePolicy } from '../../core/routing/contract.ts';
import { providerOf } from '../../core/targets/target-name.ts';
import type { Settings } from '../../settings/settings.ts';
import { invalid, type Refusal } from '../response/refusal.ts';

/** The header by which a caller asks for, or declines, recovery of a broken stream. */
export const onBreakHeader = 'x-hindcast-on-break';
const onBreakValues: readonly unknown[] = [undefined, 'error', 'restart', 'continue'];

/** The policy with the recovery that this request allows, or the 400 for a header value that is not known. */
export function withStreamRecovery(
  policy: RoutePolicy,
  { chat, dialect, requested }: { readonly chat: ChatRequest; readonly dialect: CallerFormat; readonly requested: unknown },
  accounts: Settings['providers'],
): RoutePolicy | Refusal {
  if (!onBreakValues.includes(requested)) return invalid('invalid_value', `${onBreakHeader} is error, restart or continue.`, onBreakHeader);
  if (!policy.onBreak) return policy;
  const { onBreak, ...rest } = policy;
  if (!chat.stream) return rest;
  switch (onBreak.type) {
    case 'hold':
      return policy;
    case 'restart':
      // Only a caller that opted in handles a restarted stream, and only this format has a chunk for it.
      return requested === 'restart' && dialect.name === 'openai-chat' ? policy : rest;
    case 'continue':
      if (requested === 'error' || !isPlainText(chat)) return rest;
      return { ...policy, steps: policy.steps.map(step => (supportsPrefill(accounts, step.target) ? { ...step, prefills: true } : step)) };
  }
}

/** One response of text, any beginning of which can be continued. */
const isPlainText = ({ choices = 1, tools, output, logprobs, reasoning }: ChatRequest): boolean =>
  choices === 1 && tools.length === 0 && !logprobs && !reasoning && (output === undefined || output.type === 'text');

function supportsPrefill(accounts: Settings['providers'], target: string): boolean {
  const name = providerOf(target);
  const account = accounts.get(name);
  return account?.prefill ?? account?.provider.prefills?.(target.slice(name.length + 1)) ?? false;
}
