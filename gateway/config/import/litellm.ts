/** Imports LiteLLM's `config.yaml`: deployments become providers, model groups become routes. */
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

/** LiteLLM's model prefixes, and the `api` that each becomes. */
const apis: Readonly<Record<string, string>> = {
  openai: 'openai',
  text_completion_openai: 'openai',
  'text-completion-openai': 'openai',
  custom_openai: 'openai',
  openai_like: 'openai',
  hosted_vllm: 'openai',
  lm_studio: 'openai',
  llamafile: 'openai',
  azure: 'azure',
  azure_text: 'azure',
  anthropic: 'anthropic',
  gemini: 'gemini',
  vertex_ai: 'vertex',
  bedrock: 'bedrock',
  cohere: 'cohere',
  cohere_chat: 'cohere',
  mistral: 'mistral',
  deepseek: 'deepseek',
  together_ai: 'together',
  groq: 'groq',
  xai: 'xai',
  openrouter: 'openrouter',
  cerebras: 'cerebras',
  perplexity: 'perplexity',
  ollama: 'ollama',
  ollama_chat: 'ollama',
  huggingface: 'huggingface',
  fireworks_ai: 'fireworks',
  dashscope: 'dashscope',
  zai: 'zai',
};
const modelPatterns: readonly (readonly [RegExp, string])[] = [
  [/^(gpt-|o\d|chatgpt-|text-embedding-|dall-e|whisper|tts-)/, 'openai'],
  [/^claude-/, 'anthropic'],
  [/^gemini-/, 'gemini'],
  [/^command/, 'cohere'],
  [/^mistral-|^codestral/, 'mistral'],
];
const strategies: Readonly<Record<string, string>> = {
  'simple-shuffle': 'weighted',
  'latency-based-routing': 'latency',
  'least-busy': 'latency',
  'cost-based-routing': 'cost',
};

interface ModelGroup {
  readonly path: string;
  readonly steps: ImportedStep[];
  timeout: string | undefined;
}

/** The converted configuration, and every setting that was not. */
export function importLitellm(value: JsonObject): ImportResult {
  const draft = new ConfigDraft();
  const file = new SectionReader(value, '');
  const groups = new Map<string, ModelGroup>();
  for (const [i, entry] of file.list('model_list').entries()) readDeployment(draft, groups, new SectionReader(entry, `model_list[${i}]`));
  const settings = file.map('litellm_settings');
  const router = file.map('router_settings');
  const fallbacks = readFallbacks(draft, [settings, router]);
  const strategy = readStrategy(draft, router);
  const more = {
    timeout: formatDuration(settings.number('request_timeout') ?? router.number('timeout')),
    retries: clampRetries(router.number('num_retries') ?? settings.number('num_retries')),
    on_unsupported: settings.read('drop_params') === true ? 'drop' : undefined,
  };
  const targetsOf = (name: string): readonly string[] => groups.get(name)?.steps.map(({ target }) => target) ?? [];
  for (const [name, { path, steps, timeout }] of groups) {
    const fallbackGroups = [...(fallbacks.byGroup.get(name) ?? []), ...fallbacks.all].filter(other => other !== name);
    for (const other of fallbackGroups) if (!groups.has(other)) draft.skip(path, `its fallback ${other} is not in model_list`);
    const entry = buildRouteEntry(steps, fallbackGroups.flatMap(targetsOf), strategy, { ...more, timeout: timeout ?? more.timeout });
    draft.route(name, entry, `${path}.model_name`);
  }
  readAliases(draft, router, groups, strategy);
  draft.state = readRedisUrl(draft, router);
  reportUnread(draft, file, settings, router);
  return draft.toResult();
}

function readDeployment(draft: ConfigDraft, groups: Map<string, ModelGroup>, entry: SectionReader): void {
  const name = entry.text('model_name');
  const params = entry.map('litellm_params');
  const info = entry.map('model_info');
  const modelName = params.text('model');
  if (name === undefined || modelName === undefined) return draft.skip(entry.path, 'model_name or litellm_params.model is missing');
  const slash = modelName.indexOf('/');
  const prefix = slash < 0 ? undefined : modelName.slice(0, slash);
  const known = prefix === undefined ? undefined : apis[prefix];
  const api = known ?? (prefix === undefined ? modelPatterns.find(([pattern]) => pattern.test(modelName))?.[1] : undefined);
  if (api === undefined)
    return draft.skip(
      params.pathOf('model'),
      `not supported by import: the provider of ${modelName} (set api: openai and base_url if it is OpenAI-compatible)`,
    );
  const model = known === undefined ? modelName : modelName.slice(slash + 1);
  const account = accountOf(draft, api, params);
  const target = `${account}/${model}`;
  const limits = { rpm: params.number('rpm') ?? entry.number('rpm'), tpm: params.number('tpm') ?? entry.number('tpm') };
  draft.limit(account, model, limits);
  readModelFacts(draft, target, params, info);
  const perRequestOnly = 'not supported by import: callers set it in each request';
  const reasons = {
    temperature: perRequestOnly,
    max_tokens: perRequestOnly,
    top_p: perRequestOnly,
    drop_params: 'not supported by import (set `routes.*.on_unsupported`)',
    tags: 'not supported by import (set `routes.*.variants` for tenants, keys or flags)',
  };
  const weight = params.number('weight') ?? limits.rpm ?? limits.tpm;
  const timeout = formatDuration(params.number('timeout') ?? params.number('request_timeout'));
  for (const section of [params, info, entry])
    for (const skipped of section.unread(reasons, notSupported)) draft.skip(skipped.path, skipped.why);
  if (model.includes('*') || name.includes('*'))
    return draft.skip(entry.pathOf('model_name'), `wildcards need no route: callers can use ${account}/MODEL`);
  const group = groups.get(name) ?? { path: entry.path, steps: [], timeout: undefined };
  if (group.steps.some(step => step.target === target)) draft.skip(entry.path, `duplicate target ${target} of ${name}`);
  else group.steps.push({ target, ...(weight === undefined ? {} : { weight }) });
  group.timeout ??= timeout;
  groups.set(name, group);
}

function accountOf(draft: ConfigDraft, api: string, params: SectionReader): string {
  const upper = api.toUpperCase().replaceAll('-', '_');
  const secret = (name: string, variable: string): string | undefined =>
    secretReference(draft, params.text(name), params.pathOf(name), variable);
  const base = toVariableReference(params.text('api_base') ?? params.text('base_url'));
  const isLocal = base !== undefined && /^https?:\/\/(localhost|127\.|10\.|192\.168\.|host\.docker\.internal)/.test(base);
  const aws = api === 'bedrock';
  const vertex = api === 'vertex';
  const credentials = vertex ? params.text('vertex_credentials') : undefined;
  return draft.account(api, {
    api,
    key:
      secret('api_key', `${upper}_API_KEY`) ??
      (base === undefined && !aws && !vertex && api !== 'ollama' ? `\${${upper}_API_KEY}` : undefined),
    base_url: base,
    api_version: api === 'azure' ? toVariableReference(params.text('api_version')) : undefined,
    region:
      toVariableReference(aws ? params.text('aws_region_name') : vertex ? params.text('vertex_location') : undefined) ??
      (aws ? '${AWS_REGION}' : undefined),
    project: vertex ? (toVariableReference(params.text('vertex_project')) ?? '${VERTEXAI_PROJECT}') : undefined,
    credentials: vertex
      ? credentials === undefined || credentials.startsWith('os.environ/')
        ? (toVariableReference(credentials) ?? 'metadata')
        : `\${file:${credentials}}`
      : undefined,
    access_key_id: aws ? (secret('aws_access_key_id', 'AWS_ACCESS_KEY_ID') ?? '${AWS_ACCESS_KEY_ID}') : undefined,
    secret_access_key: aws ? (secret('aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY') ?? '${AWS_SECRET_ACCESS_KEY}') : undefined,
    session_token: aws ? secret('aws_session_token', 'AWS_SESSION_TOKEN') : undefined,
    allow_private: isLocal ? true : undefined,
  });
}

function readModelFacts(draft: ConfigDraft, target: string, params: SectionReader, info: SectionReader): void {
  const perMillion = (name: string): number | undefined => {
    const [own, of] = [params.number(name), info.number(name)];
    const each = own ?? of;
    return each === undefined ? undefined : Number((each * 1e6).toPrecision(12));
  };
  draft.price(target, {
    input: perMillion('input_cost_per_token'),
    output: perMillion('output_cost_per_token'),
    cached: perMillion('cache_read_input_token_cost'),
    cache_write: perMillion('cache_creation_input_token_cost'),
  });
  const booleanOf = (name: string): boolean | undefined => {
    const value = info.read(name);
    return typeof value === 'boolean' ? value : undefined;
  };
  draft.facts(target, {
    context_window: info.number('max_input_tokens'),
    tools: booleanOf('supports_function_calling'),
    vision: booleanOf('supports_vision'),
    json_schema: booleanOf('supports_response_schema'),
  });
}

interface Fallbacks {
  readonly byGroup: ReadonlyMap<string, readonly string[]>;
  readonly all: readonly string[];
}

function readFallbacks(draft: ConfigDraft, parts: readonly SectionReader[]): Fallbacks {
  const byGroup = new Map<string, string[]>();
  const all: string[] = [];
  const namesIn = (value: Json | undefined): readonly string[] =>
    Array.isArray(value) ? (value as readonly Json[]).filter(name => typeof name === 'string') : [];
  for (const part of parts) {
    for (const name of ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks']) {
      const entries = part.list(name);
      for (const entry of entries) {
        if (!isObject(entry)) continue;
        for (const [group, others] of Object.entries(entry)) byGroup.set(group, [...(byGroup.get(group) ?? []), ...namesIn(others)]);
      }
      if (entries.length > 0 && name !== 'fallbacks')
        draft.skip(part.pathOf(name), 'merged into the fallbacks: a fallback follows any kind of failure');
    }
    all.push(...namesIn(part.read('default_fallbacks')));
  }
  return { byGroup, all };
}

function readStrategy(draft: ConfigDraft, router: SectionReader): string {
  const name = router.text('routing_strategy');
  if (name === undefined) return 'weighted';
  const strategy = strategies[name];
  if (strategy === undefined)
    draft.skip(
      router.pathOf('routing_strategy'),
      `not supported by import: ${name} (the routes use \`strategy: weighted\`; rate limits always apply)`,
    );
  return strategy ?? 'weighted';
}

function readAliases(draft: ConfigDraft, router: SectionReader, groups: ReadonlyMap<string, ModelGroup>, strategy: string): void {
  const aliases = router.read('model_group_alias');
  if (!isObject(aliases)) return;
  for (const [alias, value] of Object.entries(aliases)) {
    const name = typeof value === 'string' ? value : isObject(value) && typeof value.model === 'string' ? value.model : '';
    const path = `${router.pathOf('model_group_alias')}.${alias}`;
    const group = groups.get(name);
    if (group) draft.route(alias, buildRouteEntry(group.steps, [], strategy, {}), path);
    else draft.skip(path, `${JSON.stringify(name)} is not in model_list`);
  }
}

function readRedisUrl(draft: ConfigDraft, router: SectionReader): string | undefined {
  const url = toVariableReference(router.text('redis_url'));
  const host = toVariableReference(router.text('redis_host'));
  const port = toVariableReference(router.text('redis_port')) ?? '6379';
  const password = secretReference(draft, router.text('redis_password'), router.pathOf('redis_password'), 'REDIS_PASSWORD');
  if (url !== undefined || host === undefined) return url;
  return `redis://${password === undefined ? '' : `:${password}@`}${host}:${port}`;
}

const notSupported = 'not supported by import';
const alwaysRecorded = 'not needed: every request is recorded and traced (see `recorder` and `telemetry`)';
const keysHint = 'not supported by import (create keys with `hindcast keys create`; the file holds only their hashes)';
const noCache = 'not supported by import: a response is repeated only for an Idempotency-Key';
const skipReasons: Readonly<Record<string, string>> = {
  ...{
    success_callback: alwaysRecorded,
    failure_callback: alwaysRecorded,
    callbacks: alwaysRecorded,
    service_callbacks: alwaysRecorded,
    turn_off_message_logging: 'not supported by import (set `recorder.payloads: metadata`)',
  },
  ...{ cache: noCache, cache_params: noCache },
  ...{
    max_budget: 'not supported by import (set `tenants.default.budget`)',
    budget_duration: 'not supported by import (set `tenants.default.budget`)',
  },
  ...{
    master_key: keysHint,
    database_url: 'not needed: records are stored in ClickHouse (see `store`)',
    store_model_in_db: 'not needed: the file holds the whole configuration',
  },
  ...{
    allowed_fails: 'not supported by import: the circuit opens after five failures in a row',
    cooldown_time: 'not supported by import: a cooldown takes ten seconds, or the retry-after of the provider',
  },
  ...{
    set_verbose: 'not supported by import (set HINDCAST_LOG=debug)',
    json_logs: 'not supported by import (use `hindcast serve --json`)',
    enable_pre_call_checks: 'not supported by import (set `routes.*.require`)',
    routing_strategy_args: notSupported,
  },
  environment_variables: 'not supported by import: set them in the environment of the gateway',
};

function reportUnread(draft: ConfigDraft, file: SectionReader, settings: SectionReader, router: SectionReader): void {
  const general = file.map('general_settings');
  for (const part of [settings, router, general, file])
    for (const skipped of part.unread(skipReasons, notSupported)) draft.skip(skipped.path, skipped.why);
}
