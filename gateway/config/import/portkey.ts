/** A config of Portkey's gateway: its targets become accounts, and where they name models, its strategy becomes a route. */
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { Draft, durationOf, type Imported, plainOf, retriesOf, routeEntry, type Step, secretOf, Taking } from './draft.ts';

const apis: Readonly<Record<string, string>> = {
  ...{
    openai: 'openai',
    'azure-openai': 'azure',
    anthropic: 'anthropic',
    google: 'gemini',
    'vertex-ai': 'vertex',
    bedrock: 'bedrock',
    cohere: 'cohere',
  },
  ...{
    'mistral-ai': 'mistral',
    deepseek: 'deepseek',
    'together-ai': 'together',
    groq: 'groq',
    'x-ai': 'xai',
    openrouter: 'openrouter',
    cerebras: 'cerebras',
  },
  ...{
    'perplexity-ai': 'perplexity',
    ollama: 'ollama',
    huggingface: 'huggingface',
    'fireworks-ai': 'fireworks',
    dashscope: 'dashscope',
    zhipu: 'zai',
  },
};

/** Members in either spelling, as it takes both. */
const snake = (value: Json | undefined): Json | undefined =>
  isObject(value)
    ? Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), inner]),
      )
    : value;

interface Found {
  readonly steps: readonly Step[];
  readonly mode: string;
}

export function importPortkey(value: JsonObject, route: string): Imported {
  const draft = new Draft();
  const file = new Taking(snake(value), '');
  const { steps, mode } = targetsIn(draft, file, {});
  const retry = new Taking(snake(file.take('retry')), 'retry');
  const attempts = retry.number('attempts');
  for (const left of retry.rest({ on_status_codes: byKind }, notHere)) draft.leave(left.path, left.why);
  const timeout = file.number('request_timeout');
  const more = { timeout: durationOf(timeout === undefined ? undefined : timeout / 1000), retries: retriesOf(attempts) };
  if (steps.length > 0) draft.route(route, routeEntry(steps, [], mode === 'loadbalance' ? 'weighted' : undefined, more), 'targets');
  else draft.leave('targets', 'no target names a model (override_params.model): callers ask for provider/model, and no route is made');
  for (const left of file.rest(whys, notHere)) draft.leave(left.path, left.why);
  return draft.imported();
}

const inherited = ['provider', 'api_key', 'virtual_key', 'custom_host', 'override_params'] as const;

/** Targets within targets stand in a row: what is tried in order stays in order. */
function targetsIn(draft: Draft, at: Taking, above: JsonObject): Found {
  const strategy = new Taking(snake(at.take('strategy')), at.at('strategy'));
  const mode = strategy.text('mode') ?? 'single';
  for (const left of strategy.rest({ on_status_codes: byKind, conditions: 'variants of a route are for tenants, keys and flags' }, notHere))
    draft.leave(left.path, left.why);
  const targets = at.list('targets');
  if (targets.length === 0) return { steps: stepOf(draft, at, above), mode };
  const own = Object.fromEntries(inherited.map(name => [name, at.take(name)]).filter(([, value]) => value !== undefined)) as JsonObject;
  const steps = targets.flatMap((target, i) => {
    const inner = new Taking({ ...above, ...own, ...(snake(target) as JsonObject) }, `${at.at('targets')}[${i}]`);
    const found = targetsIn(draft, inner, {});
    if (found.mode !== 'single' && found.mode !== mode)
      draft.leave(`${inner.path}.strategy`, `a ${found.mode} within a ${mode}: its targets stand in a row with the others`);
    for (const left of inner.rest(whys, notHere)) draft.leave(left.path, left.why);
    return found.steps;
  });
  return { steps, mode };
}

function stepOf(draft: Draft, at: Taking, above: JsonObject): readonly Step[] {
  const said = at.text('provider') ?? (typeof above.provider === 'string' ? above.provider : undefined);
  const weight = at.number('weight');
  const params = new Taking(snake(at.take('override_params')), at.at('override_params'));
  if (at.text('virtual_key') !== undefined)
    draft.leave(at.at('virtual_key'), 'what it stands for is kept elsewhere: write the key itself as "${NAME}"');
  const api = said === undefined ? undefined : apis[said];
  if (api === undefined) {
    draft.leave(
      at.at('provider'),
      said === undefined
        ? 'it names no provider'
        : `nobody here is called ${said}; an OpenAI-compatible one is api: openai with a base_url`,
    );
    return [];
  }
  const upper = api.toUpperCase();
  const host = plainOf(at.text('custom_host'));
  const secret = (name: string, variable: string): string | undefined => secretOf(draft, at.text(name), at.at(name), variable);
  const account = draft.account(api, {
    api,
    key:
      secret('api_key', `${upper}_API_KEY`) ??
      (api === 'bedrock' || api === 'vertex' || api === 'ollama' ? undefined : `\${${upper}_API_KEY}`),
    base_url: host,
    resource: api === 'azure' ? at.text('resource_name') : undefined,
    api_version: api === 'azure' ? at.text('api_version') : undefined,
    region: api === 'bedrock' ? (at.text('aws_region') ?? '${AWS_REGION}') : api === 'vertex' ? at.text('vertex_region') : undefined,
    project: api === 'vertex' ? (at.text('vertex_project_id') ?? '${VERTEXAI_PROJECT}') : undefined,
    credentials: api === 'vertex' ? 'metadata' : undefined,
    access_key_id: api === 'bedrock' ? (secret('aws_access_key_id', 'AWS_ACCESS_KEY_ID') ?? '${AWS_ACCESS_KEY_ID}') : undefined,
    secret_access_key:
      api === 'bedrock' ? (secret('aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY') ?? '${AWS_SECRET_ACCESS_KEY}') : undefined,
    allow_private: host !== undefined && /^https?:\/\/(localhost|127\.|10\.|192\.168\.)/.test(host) ? true : undefined,
  });
  const model = params.text('model') ?? at.text('deployment_id');
  for (const left of params.rest({}, 'it is said with a request here, not for a target')) draft.leave(left.path, left.why);
  return model === undefined ? [] : [{ target: `${account}/${model}`, ...(weight === undefined ? {} : { weight }) }];
}

const notHere = 'nothing here is meant by it';
const byKind = 'what is tried again or elsewhere is decided by the kind of failure';
const guard = 'there are no guardrails here';
const whys: Readonly<Record<string, string>> = {
  ...{ cache: 'no answer is given twice but to an Idempotency-Key', input_guardrails: guard, output_guardrails: guard },
  ...{
    before_request_hooks: guard,
    after_request_hooks: guard,
    metadata: 'callers send x-hindcast-tag-NAME',
    retry: 'retries of a route, or of a step',
  },
};
