/** Imports a config of Portkey's gateway: targets become providers, and those with a model become a route. */
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

/** Portkey accepts members in camelCase and snake_case. */
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

/** The converted configuration, and every setting that was not; `route` names the route of its targets. */
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
  else draft.skip('targets', 'no target has a model (override_params.model), so there is no route: callers use provider/model');
  for (const skipped of file.unread(skipReasons, notSupported)) draft.skip(skipped.path, skipped.why);
  return draft.toResult();
}

const inherited = ['provider', 'api_key', 'virtual_key', 'custom_host', 'override_params'] as const;

/** Flattens nested targets into one list, in their order. */
function readTargets(draft: ConfigDraft, section: SectionReader, above: JsonObject): FoundTargets {
  const strategy = new SectionReader(toSnakeCase(section.read('strategy')), section.pathOf('strategy'));
  const mode = strategy.text('mode') ?? 'single';
  for (const skipped of strategy.unread(
    { on_status_codes: retriedByFailureKind, conditions: 'not supported by import (set `routes.*.variants` for tenants, keys or flags)' },
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
      draft.skip(
        `${inner.path}.strategy`,
        `not supported by import: ${found.mode} inside ${mode} (its targets were added to the outer list)`,
      );
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
    draft.skip(section.pathOf('virtual_key'), 'not supported by import: Portkey stores its key (write the key as "${NAME}")');
  const api = providerName === undefined ? undefined : apis[providerName];
  if (api === undefined) {
    draft.skip(
      section.pathOf('provider'),
      providerName === undefined
        ? 'provider is missing'
        : `not supported by import: the provider ${providerName} (set api: openai and base_url if it is OpenAI-compatible)`,
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
  for (const skipped of params.unread({}, 'not supported by import: callers set it in each request')) draft.skip(skipped.path, skipped.why);
  return model === undefined ? [] : [{ target: `${account}/${model}`, ...(weight === undefined ? {} : { weight }) }];
}

const notSupported = 'not supported by import';
const retriedByFailureKind = 'not supported by import: the kind of failure decides on retries and fallbacks';
const noGuardrails = 'not supported by import: there are no guardrails';
const skipReasons: Readonly<Record<string, string>> = {
  ...{
    cache: 'not supported by import: a response is repeated only for an Idempotency-Key',
    input_guardrails: noGuardrails,
    output_guardrails: noGuardrails,
  },
  ...{
    before_request_hooks: noGuardrails,
    after_request_hooks: noGuardrails,
    metadata: 'not supported by import (callers send x-hindcast-tag-NAME)',
    retry: 'not supported by import (set `routes.*.retries`)',
  },
};
