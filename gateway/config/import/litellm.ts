/** LiteLLM's `config.yaml`: deployments become accounts, model groups become routes. */
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { Draft, durationOf, type Imported, plainOf, retriesOf, routeEntry, type Step, secretOf, Taking } from './draft.ts';

/** LiteLLM's prefix of a model, and our name for who speaks that way. */
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
const unprefixed: readonly (readonly [RegExp, string])[] = [
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

interface Group {
  readonly path: string;
  readonly steps: Step[];
  timeout: string | undefined;
}

export function importLitellm(value: JsonObject): Imported {
  const draft = new Draft();
  const file = new Taking(value, '');
  const groups = new Map<string, Group>();
  for (const [i, entry] of file.list('model_list').entries()) takeDeployment(draft, groups, new Taking(entry, `model_list[${i}]`));
  const settings = file.map('litellm_settings');
  const router = file.map('router_settings');
  const fallbacks = fallbacksIn(draft, [settings, router]);
  const strategy = strategyOf(draft, router);
  const more = {
    timeout: durationOf(settings.number('request_timeout') ?? router.number('timeout')),
    retries: retriesOf(router.number('num_retries') ?? settings.number('num_retries')),
    on_unsupported: settings.take('drop_params') === true ? 'drop' : undefined,
  };
  const targetsOf = (name: string): readonly string[] => groups.get(name)?.steps.map(({ target }) => target) ?? [];
  for (const [name, { path, steps, timeout }] of groups) {
    const behind = [...(fallbacks.of.get(name) ?? []), ...fallbacks.all].filter(other => other !== name);
    for (const other of behind)
      if (!groups.has(other)) draft.leave(path, `it falls back to ${other}, which no entry of model_list is called`);
    const entry = routeEntry(steps, behind.flatMap(targetsOf), strategy, { ...more, timeout: timeout ?? more.timeout });
    draft.route(name, entry, `${path}.model_name`);
  }
  takeAliases(draft, router, groups, strategy);
  draft.state = redisIn(draft, router);
  tellRest(draft, file, settings, router);
  return draft.imported();
}

function takeDeployment(draft: Draft, groups: Map<string, Group>, entry: Taking): void {
  const name = entry.text('model_name');
  const params = entry.map('litellm_params');
  const info = entry.map('model_info');
  const named = params.text('model');
  if (name === undefined || named === undefined) return draft.leave(entry.path, 'it has no model_name, or no litellm_params.model');
  const slash = named.indexOf('/');
  const prefix = slash < 0 ? undefined : named.slice(0, slash);
  const known = prefix === undefined ? undefined : apis[prefix];
  const api = known ?? (prefix === undefined ? unprefixed.find(([pattern]) => pattern.test(named))?.[1] : undefined);
  if (api === undefined)
    return draft.leave(
      params.at('model'),
      `nobody here speaks as ${named} is asked; an OpenAI-compatible one is api: openai with a base_url`,
    );
  const model = known === undefined ? named : named.slice(slash + 1);
  const account = accountOf(draft, api, params);
  const target = `${account}/${model}`;
  const limits = { rpm: params.number('rpm') ?? entry.number('rpm'), tpm: params.number('tpm') ?? entry.number('tpm') };
  draft.limit(account, model, limits);
  takeFacts(draft, target, params, info);
  const own = 'it is said with a request here, not for a deployment';
  const why = {
    temperature: own,
    max_tokens: own,
    top_p: own,
    drop_params: 'on_unsupported is said of a route',
    tags: 'variants of a route are for tenants, keys and flags',
  };
  const weight = params.number('weight') ?? limits.rpm ?? limits.tpm;
  const timeout = durationOf(params.number('timeout') ?? params.number('request_timeout'));
  for (const taking of [params, info, entry]) for (const left of taking.rest(why, notHere)) draft.leave(left.path, left.why);
  if (model.includes('*') || name.includes('*'))
    return draft.leave(entry.at('model_name'), `every model of an account can be asked by its name: ${account}/MODEL`);
  const group = groups.get(name) ?? { path: entry.path, steps: [], timeout: undefined };
  if (group.steps.some(step => step.target === target)) draft.leave(entry.path, `${target} is in ${name} already`);
  else group.steps.push({ target, ...(weight === undefined ? {} : { weight }) });
  group.timeout ??= timeout;
  groups.set(name, group);
}

function accountOf(draft: Draft, api: string, params: Taking): string {
  const upper = api.toUpperCase().replaceAll('-', '_');
  const secret = (name: string, variable: string): string | undefined => secretOf(draft, params.text(name), params.at(name), variable);
  const base = plainOf(params.text('api_base') ?? params.text('base_url'));
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
    api_version: api === 'azure' ? plainOf(params.text('api_version')) : undefined,
    region:
      plainOf(aws ? params.text('aws_region_name') : vertex ? params.text('vertex_location') : undefined) ??
      (aws ? '${AWS_REGION}' : undefined),
    project: vertex ? (plainOf(params.text('vertex_project')) ?? '${VERTEXAI_PROJECT}') : undefined,
    credentials: vertex
      ? credentials === undefined || credentials.startsWith('os.environ/')
        ? (plainOf(credentials) ?? 'metadata')
        : `\${file:${credentials}}`
      : undefined,
    access_key_id: aws ? (secret('aws_access_key_id', 'AWS_ACCESS_KEY_ID') ?? '${AWS_ACCESS_KEY_ID}') : undefined,
    secret_access_key: aws ? (secret('aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY') ?? '${AWS_SECRET_ACCESS_KEY}') : undefined,
    session_token: aws ? secret('aws_session_token', 'AWS_SESSION_TOKEN') : undefined,
    allow_private: isLocal ? true : undefined,
  });
}

function takeFacts(draft: Draft, target: string, params: Taking, info: Taking): void {
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
  const yes = (name: string): boolean | undefined => {
    const said = info.take(name);
    return typeof said === 'boolean' ? said : undefined;
  };
  draft.facts(target, {
    context_window: info.number('max_input_tokens'),
    tools: yes('supports_function_calling'),
    vision: yes('supports_vision'),
    json_schema: yes('supports_response_schema'),
  });
}

interface Fallbacks {
  readonly of: ReadonlyMap<string, readonly string[]>;
  readonly all: readonly string[];
}

function fallbacksIn(draft: Draft, parts: readonly Taking[]): Fallbacks {
  const of = new Map<string, string[]>();
  const all: string[] = [];
  const namesIn = (value: Json | undefined): readonly string[] =>
    Array.isArray(value) ? (value as readonly Json[]).filter(name => typeof name === 'string') : [];
  for (const part of parts) {
    for (const name of ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks']) {
      const entries = part.list(name);
      for (const entry of entries) {
        if (!isObject(entry)) continue;
        for (const [group, others] of Object.entries(entry)) of.set(group, [...(of.get(group) ?? []), ...namesIn(others)]);
      }
      if (entries.length > 0 && name !== 'fallbacks')
        draft.leave(part.at(name), 'they are among the fallbacks: whatever a target fails of, the next one is asked');
    }
    all.push(...namesIn(part.take('default_fallbacks')));
  }
  return { of, all };
}

function strategyOf(draft: Draft, router: Taking): string {
  const said = router.text('routing_strategy');
  if (said === undefined) return 'weighted';
  const ours = strategies[said];
  if (ours === undefined)
    draft.leave(
      router.at('routing_strategy'),
      `there is no ${said} here: by weight instead, and limits are kept and waited for in any case`,
    );
  return ours ?? 'weighted';
}

function takeAliases(draft: Draft, router: Taking, groups: ReadonlyMap<string, Group>, strategy: string): void {
  const aliases = router.take('model_group_alias');
  if (!isObject(aliases)) return;
  for (const [alias, said] of Object.entries(aliases)) {
    const name = typeof said === 'string' ? said : isObject(said) && typeof said.model === 'string' ? said.model : '';
    const path = `${router.at('model_group_alias')}.${alias}`;
    const group = groups.get(name);
    if (group) draft.route(alias, routeEntry(group.steps, [], strategy, {}), path);
    else draft.leave(path, `no entry of model_list is called ${JSON.stringify(name)}`);
  }
}

function redisIn(draft: Draft, router: Taking): string | undefined {
  const url = plainOf(router.text('redis_url'));
  const host = plainOf(router.text('redis_host'));
  const port = plainOf(router.text('redis_port')) ?? '6379';
  const password = secretOf(draft, router.text('redis_password'), router.at('redis_password'), 'REDIS_PASSWORD');
  if (url !== undefined || host === undefined) return url;
  return `redis://${password === undefined ? '' : `:${password}@`}${host}:${port}`;
}

const notHere = 'nothing here is meant by it';
const recorded = 'every request is recorded and traced: see recorder and telemetry';
const keys = 'keys are made with `hindcast keys create`, and only their hashes stand in the file';
const whys: Readonly<Record<string, string>> = {
  ...{
    success_callback: recorded,
    failure_callback: recorded,
    callbacks: recorded,
    service_callbacks: recorded,
    turn_off_message_logging: 'recorder.payloads: metadata',
  },
  ...{ cache: 'no answer is given twice but to an Idempotency-Key', cache_params: 'no answer is given twice but to an Idempotency-Key' },
  ...{ max_budget: 'budget of tenants.default', budget_duration: 'budget of tenants.default' },
  ...{ master_key: keys, database_url: 'records lie in ClickHouse: see store', store_model_in_db: 'the file says everything' },
  ...{
    allowed_fails: 'a target rests after five failures in a row',
    cooldown_time: 'a target rests for ten seconds, or as long as it says',
  },
  ...{
    set_verbose: 'HINDCAST_LOG=debug',
    json_logs: '--json',
    enable_pre_call_checks: 'require of a route',
    routing_strategy_args: notHere,
  },
  environment_variables: 'set them where the gateway is started',
};

function tellRest(draft: Draft, file: Taking, settings: Taking, router: Taking): void {
  const general = file.map('general_settings');
  for (const part of [settings, router, general, file]) for (const left of part.rest(whys, notHere)) draft.leave(left.path, left.why);
}
