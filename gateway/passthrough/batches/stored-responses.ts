/** Registers responses that a target stores, so that a later GET or DELETE finds the account that holds them. */
import type { ChatResponse } from '../../core/chat/chat.ts';
import type { Exchange } from '../../core/exchange.ts';
import { providerOf } from '../../core/targets/target-name.ts';
import type { RoutedRequest } from '../../exchange/contract.ts';
import type { FileRegistry } from './file-registry.ts';

/** Stored unless the request says otherwise; other formats and targets of other formats store nothing. */
export function registerStoredResponse(
  registry: FileRegistry,
  { attempts, caller }: Pick<Exchange, 'attempts' | 'caller'>,
  { dialect, raw }: Pick<RoutedRequest, 'dialect' | 'raw'>,
  response: ChatResponse | undefined,
): void {
  if (dialect.wire !== 'openai-responses' || !response) return;
  const span = raw.members.get('store');
  const isStored = span === undefined || raw.text.slice(span.start, span.end) !== 'false';
  const answered = attempts.find(({ accepted }) => accepted);
  // Ids of other formats' responses are ours, or mean nothing to the Responses API.
  if (!isStored || !answered || !response.id.startsWith('resp_')) return;
  registry.add(response.id, { provider: providerOf(answered.target), tenant: caller.tenant, inputFile: '' });
}
