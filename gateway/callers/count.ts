/** Counts the tokens of a request for `count_tokens` endpoints: by the target's own counter where it has one, else estimated here. */
import type { CallerFormat } from '../core/chat/caller-format.ts';
import { parseJson } from '../core/chat/json.ts';
import { sendAttempt } from '../exchange/attempt/call.ts';
import type { GatewayRuntime, RoutedRequest } from '../exchange/contract.ts';
import { prepare } from '../exchange/routed-request.ts';
import { estimateUsage } from '../tokens/estimate-usage.ts';

/** A count of input tokens. */
export interface TokenCount {
  readonly tokens: number;
  /** Counted here, in the encoding of the model or by length. */
  readonly isEstimated: boolean;
}

type CountRuntime = Pick<GatewayRuntime, 'counter' | 'clock' | 'upstream' | 'targetOf' | 'newSpanId'>;

const counterTimeoutMs = 5_000;
const bytesMax = 64 * 1024;

/** The input tokens of the request at its first target. */
export async function countTokens(request: RoutedRequest, runtime: CountRuntime): Promise<TokenCount> {
  const counted = await countAtTarget(request, runtime);
  if (counted !== undefined) return { tokens: counted, isEstimated: false };
  const { target } = request.policy.steps[0]!;
  const { input } = await estimateUsage(runtime.counter, target.slice(target.indexOf('/') + 1), request.chat, undefined);
  return { tokens: input, isEstimated: true };
}

/** Undefined when the target has no counter, or gives no count in time. */
function countAtTarget(request: RoutedRequest, runtime: CountRuntime): Promise<number | undefined> {
  const step = request.policy.steps[0]!;
  const target = runtime.targetOf(step.target, request.id);
  const { counter } = target.provider;
  if (!counter) return Promise.resolve(undefined);
  const prepared = prepare(request, step, target.provider, target.model);
  const rendered = counter.render(prepared, target.model);
  const call = { target, prepared: { ...prepared, ...rendered }, body: Buffer.from(rendered.body), spanId: runtime.newSpanId() };
  return new Promise(resolve => {
    const chunks: Uint8Array[] = [];
    let status = 0;
    let length = 0;
    const settle = (count: number | undefined): void => {
      cancelTimer();
      resolve(count);
    };
    const handle = sendAttempt(runtime, request, call, {
      headers: given => {
        status = given;
      },
      chunk: bytes => {
        length += bytes.byteLength;
        if (length <= bytesMax) chunks.push(bytes);
      },
      end: () => settle(status === 200 ? counter.read(parseJson(Buffer.concat(chunks).toString()) ?? null) : undefined),
      failed: () => settle(undefined),
    });
    const cancelTimer = runtime.clock.at(runtime.clock.now() + counterTimeoutMs, () => {
      handle.abort();
      settle(undefined);
    });
  });
}

/** The response body in the dialect's format. */
export const renderTokenCount = ({ wire }: CallerFormat, tokens: number): object =>
  wire === 'gemini-generate' ? { totalTokens: tokens } : { input_tokens: tokens };
