/** Sends a judge's requests through the running gateway, so that its keys, limits, prices and records apply. */
import got, { RequestError } from 'got';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import type { CallJudge } from './judge-pair.ts';

const timeoutMs = 120_000;

interface JudgeResponse {
  readonly choices?: readonly { readonly message?: { readonly content?: unknown } }[];
}

export interface JudgeOptions {
  readonly judge?: string;
  readonly judgeUrl?: string;
  /** Output limit of the judge; no limit when absent. */
  readonly outputTokensMax?: number;
}

/** A function that calls the judge with temperature 0. The judge must be a target: a route could change its model. `onCost` gets the cost of each call in USD, where known. */
export function gatewayJudge(
  settings: Settings,
  { judge, judgeUrl, outputTokensMax }: JudgeOptions,
  onCost?: (usd: number) => void,
): CallJudge {
  if (judge !== undefined && settings.routes.has(judge))
    throw new CommandError(exit.usage, `--judge ${judge}: a route may change its target; name a target: provider/model.`);
  const { host, port } = settings.server;
  const url = judgeUrl ?? `http://${host}:${port}/v1`;
  const key = process.env.HINDCAST_API_KEY;
  return async messages => {
    try {
      const { body, headers } = await got.post<JudgeResponse>(`${url.replace(/\/+$/, '')}/chat/completions`, {
        json: {
          model: judge,
          messages,
          temperature: 0,
          ...(outputTokensMax === undefined ? {} : { max_completion_tokens: outputTokensMax }),
        },
        headers: { 'x-hindcast-tag-purpose': 'judge', ...(key ? { authorization: `Bearer ${key}` } : {}) },
        timeout: { request: timeoutMs },
        retry: { limit: 2, methods: ['POST'] },
        responseType: 'json',
      });
      const usd = Number(headers['x-hindcast-cost-usd']);
      if (usd > 0) onCost?.(usd);
      const content = body.choices?.[0]?.message?.content;
      return typeof content === 'string' ? content : '';
    } catch (error) {
      const why =
        error instanceof RequestError ? (error.response?.body ? String(error.response.body).slice(0, 300) : error.message) : String(error);
      throw new CommandError(
        exit.incomplete,
        `The request to the judge ${judge} at ${url} failed: ${why}. Scores are written only when every request succeeds.`,
      );
    }
  };
}
