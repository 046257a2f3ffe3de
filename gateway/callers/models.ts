/** Lists the models a tenant may use, routes and their targets, in the format of the caller's client. */
import type { IncomingMessage } from 'node:http';
import type { CallerFormat } from '../core/chat/caller-format.ts';
import { callerFormatAt } from '../dialects/index.ts';
import type { RequestContext } from '../exchange/contract.ts';
import { noSuchModel, type Refusal } from '../exchange/response/refusal.ts';
import { isAllowed, knownTargets } from '../http/resolve.ts';
import { type CallerKey, type Settings, stepDefaults } from '../settings/settings.ts';

export interface ModelEntry {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since the epoch: when this gateway started. */
  readonly created: number;
  readonly owned_by: string;
}

/** The routes and targets that the key may use. */
export function modelsOf(settings: Settings, key: CallerKey, created: number): readonly ModelEntry[] {
  const entry = (id: string, owner: string): ModelEntry => ({ id, object: 'model', created, owned_by: owner });
  const routes = [...settings.routes.keys()].map(name => entry(name, 'hindcast'));
  const targets = knownTargets(settings)
    .filter(target => !settings.routes.has(target))
    .map(target => entry(target, target.slice(0, target.indexOf('/'))));
  const stepsOf = (id: string) => settings.routes.get(id)?.steps ?? [{ target: id, ...stepDefaults }];
  return [...routes, ...targets].filter(({ id }) => isAllowed(settings, key, { name: id, steps: stepsOf(id) }));
}

interface ModelListFormat {
  one(entry: ModelEntry): object;
  list(entries: readonly ModelEntry[]): object;
}

const listFormats: Readonly<Record<string, ModelListFormat>> = {
  'anthropic-messages': {
    one: ({ id, created }) => ({ type: 'model', id, display_name: id, created_at: new Date(created * 1000).toISOString() }),
    list: entries => ({
      data: entries.map(entry => listFormats['anthropic-messages']!.one(entry)),
      has_more: false,
      first_id: entries[0]?.id ?? null,
      last_id: entries.at(-1)?.id ?? null,
    }),
  },
  'gemini-generate': {
    one: ({ id }) => ({
      name: `models/${id}`,
      displayName: id,
      supportedGenerationMethods: ['generateContent', 'streamGenerateContent', 'countTokens'],
    }),
    list: entries => ({ models: entries.map(entry => listFormats['gemini-generate']!.one(entry)) }),
  },
};
const openai: ModelListFormat = { one: entry => entry, list: entries => ({ object: 'list', data: entries }) };

/** The format of the model list for a caller's format; OpenAI's where it has none of its own. */
export const listFormatFor = ({ wire }: CallerFormat): ModelListFormat => listFormats[wire] ?? openai;

/** The list, or the model with this id, in the client's format; 404 for an unknown id. */
export function listModels(
  request: IncomingMessage,
  { key, settings }: RequestContext,
  created: number,
  id: string | undefined,
): object | Refusal {
  const known = modelsOf(settings, key, created);
  const format = listFormatFor(callerFormatAt(request.url ?? '', request.headers));
  if (!id) return format.list(known);
  const model = known.find(entry => entry.id === id);
  return model ? format.one(model) : noSuchModel;
}
