/** Calls to a judge, through the gateway like any caller's: its keys, limits, prices and records are those of the house. */
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
  /** Its answer ends here; where the judge itself ends it when absent. */
  readonly outputTokensMax?: number;
}

/** Pinned: temperature 0, and the model's own name, which must not be a route that could change under it. */
export function gatewayJudge(
  settings: Settings,
  { judge, judgeUrl, outputTokensMax }: JudgeOptions,
  spent?: (usd: number) => void,
): CallJudge {
  if (judge !== undefined && settings.routes.has(judge))
    throw new CommandError(
      exit.usage,
      `--judge ${judge}: it is a route, which may ask somebody else tomorrow; name a target: provider/model.`,
    );
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
      if (usd > 0) spent?.(usd);
      const content = body.choices?.[0]?.message?.content;
      return typeof content === 'string' ? content : '';
    } catch (error) {
      const why =
        error instanceof RequestError ? (error.response?.body ? String(error.response.body).slice(0, 300) : error.message) : String(error);
      throw new CommandError(
        exit.incomplete,
        `The judge ${judge} at ${url} could not be asked: ${why}. Scores are kept only when all could be.`,
      );
    }
  };
}
