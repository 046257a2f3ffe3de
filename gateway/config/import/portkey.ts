/** A config of Portkey's gateway: its targets become accounts, and where they name models, its strategy becomes a route. */
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import {
  buildRouteEntry,
  ConfigDraft,
  clampRetries,
  formatDuration,
  type ImportedStep,
  type ImportResult,
  SectionReader,
  secretReference,
  toVariableReference,
} from './draft.ts';

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
const toSnakeCase = (value: Json | undefined): Json | undefined =>
  isObject(value)
    ? Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), inner]),
      )
    : value;

interface FoundTargets {
  readonly steps: readonly ImportedStep[];
  readonly mode: string;
}

export function importPortkey(value: JsonObject, route: string): ImportResult {
  const draft = new ConfigDraft();
  const file = new SectionReader(toSnakeCase(value), '');
  const { steps, mode } = readTargets(draft, file, {});
  const retry = new SectionReader(toSnakeCase(file.read('retry')), 'retry');
  const attempts = retry.number('attempts');
  for (const skipped of retry.unread({ on_status_codes: retriedByFailureKind }, notSupported)) draft.skip(skipped.path, skipped.why);
  const timeout = file.number('request_timeout');
  const more = { timeout: formatDuration(timeout === undefined ? undefined : timeout / 1000), retries: clampRetries(attempts) };
  if (steps.length > 0) draft.route(route, buildRouteEntry(steps, [], mode === 'loadbalance' ? 'weighted' : undefined, more), 'targets');
  else draft.skip('targets', 'no target names a model (override_params.model): callers ask for provider/model, and no route is made');
  for (const skipped of file.unread(skipReasons, notSupported)) draft.skip(skipped.path, skipped.why);
  return draft.toResult();
}

const inherited = ['provider', 'api_key', 'virtual_key', 'custom_host', 'override_params'] as const;

/** Targets within targets stand in a row: what is tried in order stays in order. */
function readTargets(draft: ConfigDraft, section: SectionReader, above: JsonObject): FoundTargets {
  const strategy = new SectionReader(toSnakeCase(section.read('strategy')), section.pathOf('strategy'));
  const mode = strategy.text('mode') ?? 'single';
  for (const skipped of strategy.unread(
    { on_status_codes: retriedByFailureKind, conditions: 'variants of a route are for tenants, keys and flags' },
    notSupported,
  ))
    draft.skip(skipped.path, skipped.why);
  const targets = section.list('targets');
  if (targets.length === 0) return { steps: readStep(draft, section, above), mode };
  const inheritable = Object.fromEntries(
    inherited.map(name => [name, section.read(name)]).filter(([, value]) => value !== undefined),
  ) as JsonObject;
  const steps = targets.flatMap((target, i) => {
    const inner = new SectionReader(
      { ...above, ...inheritable, ...(toSnakeCase(target) as JsonObject) },
      `${section.pathOf('targets')}[${i}]`,
    );
    const found = readTargets(draft, inner, {});
    if (found.mode !== 'single' && found.mode !== mode)
      draft.skip(`${inner.path}.strategy`, `a ${found.mode} within a ${mode}: its targets stand in a row with the others`);
    for (const skipped of inner.unread(skipReasons, notSupported)) draft.skip(skipped.path, skipped.why);
    return found.steps;
  });
  return { steps, mode };
}

function readStep(draft: ConfigDraft, section: SectionReader, above: JsonObject): readonly ImportedStep[] {
  const providerName = section.text('provider') ?? (typeof above.provider === 'string' ? above.provider : undefined);
  const weight = section.number('weight');
  const params = new SectionReader(toSnakeCase(section.read('override_params')), section.pathOf('override_params'));
  if (section.text('virtual_key') !== undefined)
    draft.skip(section.pathOf('virtual_key'), 'what it stands for is kept elsewhere: write the key itself as "${NAME}"');
  const api = providerName === undefined ? undefined : apis[providerName];
  if (api === undefined) {
    draft.skip(
      section.pathOf('provider'),
      providerName === undefined
        ? 'it names no provider'
        : `nobody here is called ${providerName}; an OpenAI-compatible one is api: openai with a base_url`,
    );
    return [];
  }
  const upper = api.toUpperCase();
  const host = toVariableReference(section.text('custom_host'));
  const secret = (name: string, variable: string): string | undefined =>
    secretReference(draft, section.text(name), section.pathOf(name), variable);
  const account = draft.account(api, {
    api,
    key:
      secret('api_key', `${upper}_API_KEY`) ??
      (api === 'bedrock' || api === 'vertex' || api === 'ollama' ? undefined : `\${${upper}_API_KEY}`),
    base_url: host,
    resource: api === 'azure' ? section.text('resource_name') : undefined,
    api_version: api === 'azure' ? section.text('api_version') : undefined,
    region:
      api === 'bedrock' ? (section.text('aws_region') ?? '${AWS_REGION}') : api === 'vertex' ? section.text('vertex_region') : undefined,
    project: api === 'vertex' ? (section.text('vertex_project_id') ?? '${VERTEXAI_PROJECT}') : undefined,
    credentials: api === 'vertex' ? 'metadata' : undefined,
    access_key_id: api === 'bedrock' ? (secret('aws_access_key_id', 'AWS_ACCESS_KEY_ID') ?? '${AWS_ACCESS_KEY_ID}') : undefined,
    secret_access_key:
      api === 'bedrock' ? (secret('aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY') ?? '${AWS_SECRET_ACCESS_KEY}') : undefined,
    allow_private: host !== undefined && /^https?:\/\/(localhost|127\.|10\.|192\.168\.)/.test(host) ? true : undefined,
  });
  const model = params.text('model') ?? section.text('deployment_id');
  for (const skipped of params.unread({}, 'it is said with a request here, not for a target')) draft.skip(skipped.path, skipped.why);
  return model === undefined ? [] : [{ target: `${account}/${model}`, ...(weight === undefined ? {} : { weight }) }];
}

const notSupported = 'nothing here is meant by it';
const retriedByFailureKind = 'what is tried again or elsewhere is decided by the kind of failure';
const noGuardrails = 'there are no guardrails here';
const skipReasons: Readonly<Record<string, string>> = {
  ...{ cache: 'no answer is given twice but to an Idempotency-Key', input_guardrails: noGuardrails, output_guardrails: noGuardrails },
  ...{
    before_request_hooks: noGuardrails,
    after_request_hooks: noGuardrails,
    metadata: 'callers send x-hindcast-tag-NAME',
    retry: 'retries of a route, or of a step',
  },
};
