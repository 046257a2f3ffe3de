/** Imports of other gateways' configurations: the result loads, and unsupported settings are listed with their paths. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { importConfig } from '../../gateway/cli/import-command.ts';
import type { ImportResult } from '../../gateway/config/import/draft.ts';
import { loadConfig, printProblems } from '../../gateway/config/index.ts';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { Workspace } from '../hindcast.ts';
import { folder } from './config-files.ts';

/** Every variable is set. */
const variablesIn = (yaml: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name!, 'set-in-the-environment-0123456789']));

function settingsFrom({ config }: ImportResult) {
  const yaml = stringify(config);
  const loaded = loadConfig({ directory: folder({ 'hindcast.yaml': yaml }), environment: variablesIn(yaml) });
  if (!loaded.ok) throw new Error(`${printProblems(loaded.problems)}\n${yaml}`);
  return loaded.settings;
}
const pathsOf = ({ left }: ImportResult): string[] => left.map(({ path }) => path).toSorted();

describe('of LiteLLM', () => {
  const value = {
    model_list: [
      {
        model_name: 'gpt-4o',
        litellm_params: {
          model: 'azure/gpt-4o-eu',
          api_key: 'os.environ/AZURE_API_KEY',
          api_base: 'https://eu.openai.azure.com',
          api_version: '2024-10-21',
          rpm: 600,
        },
        model_info: { supports_vision: true, max_input_tokens: 128_000, id: 'one' },
      },
      { model_name: 'gpt-4o', litellm_params: { model: 'openai/gpt-4o', api_key: 'sk-the-secret-itself', rpm: 200, tpm: 40_000 } },
      { model_name: 'claude', litellm_params: { model: 'anthropic/claude-opus-5', api_key: 'os.environ/ANTHROPIC_API_KEY', timeout: 30 } },
      { model_name: 'claude', litellm_params: { model: 'bedrock/anthropic.claude-opus-5-v1:0', aws_region_name: 'eu-central-1' } },
      {
        model_name: 'local/llama',
        litellm_params: {
          model: 'hosted_vllm/llama3',
          api_base: 'http://localhost:8000/v1',
          input_cost_per_token: 1e-7,
          output_cost_per_token: 2e-7,
        },
      },
      { model_name: 'exotic', litellm_params: { model: 'replicate/meta/llama' } },
      { model_name: 'gemini-2.5-flash', litellm_params: { model: 'gemini-2.5-flash' } },
    ],
    litellm_settings: {
      num_retries: 2,
      request_timeout: 60,
      drop_params: true,
      success_callback: ['langfuse'],
      fallbacks: [{ 'gpt-4o': ['claude', 'gone'] }],
    },
    router_settings: {
      routing_strategy: 'simple-shuffle',
      redis_host: 'os.environ/REDIS_HOST',
      redis_port: 6379,
      model_group_alias: { best: 'claude' },
      cooldown_time: 30,
    },
    general_settings: { master_key: 'sk-1234' },
  };
  const imported = importConfig(value as never, 'config.yaml');

  test('deployments become providers and routes, with weights, fallbacks, rate limits, prices and features', () => {
    const { providers, routes, state, prices, models } = settingsFrom(imported);
    expect([...providers.keys()]).toEqual(['azure', 'openai', 'anthropic', 'bedrock', 'openai-2', 'gemini']);
    expect(imported.config).toMatchObject({
      providers: {
        azure: { key: '${AZURE_API_KEY}', base_url: 'https://eu.openai.azure.com', api_version: '2024-10-21' },
        'openai-2': { allow_private: true },
      },
    });
    const chat = routes.get('gpt-4o')!;
    expect(chat).toMatchObject({ strategy: 'weighted', onUnsupported: 'drop' });
    expect(chat.steps.map(({ target, weight, timeoutMs, retries }) => [target, weight, timeoutMs, retries])).toEqual([
      ['azure/gpt-4o-eu', 600, 60_000, 2],
      ['openai/gpt-4o', 200, 60_000, 2],
      ['anthropic/claude-opus-5', 0, 60_000, 2],
      ['bedrock/anthropic.claude-opus-5-v1:0', 0, 60_000, 2],
    ]);
    expect(routes.get('claude')!.steps[0]!.timeoutMs).toBe(30_000);
    expect(routes.get('best')!.steps.map(({ target }) => target)).toEqual(routes.get('claude')!.steps.map(({ target }) => target));
    expect(routes.get('local-llama')).toBeDefined();
    expect(providers.get('openai')!.limits!.models.get('gpt-4o')).toEqual({ requestsPerMinute: 200, tokensPerMinute: 40_000 });
    expect(prices['openai-2/llama3']).toMatchObject({ input: 0.1, output: 0.2 });
    expect(models!['azure/gpt-4o-eu']).toEqual({ contextWindow: 128_000, vision: true });
    expect(String(state.url)).not.toBe('sqlite');
  });

  test('unsupported settings are listed with their paths, and no secret is copied', () => {
    expect(pathsOf(imported)).toEqual([
      'general_settings.master_key',
      'litellm_settings.success_callback',
      'model_list[0]',
      'model_list[0].model_info.id',
      'model_list[1].litellm_params.api_key',
      'model_list[4].model_name',
      'model_list[5].litellm_params.model',
      'router_settings.cooldown_time',
    ]);
    expect(JSON.stringify(imported.config)).not.toContain('the-secret-itself');
    expect(imported.left.find(({ path }) => path === 'model_list[0]')!.why).toContain('its fallback gone is not in model_list');
  });
});

describe('of Portkey', () => {
  test('targets with models become a route of its strategy, in either spelling', () => {
    const value = {
      strategy: { mode: 'loadbalance' },
      retry: { attempts: 3, onStatusCodes: [429] },
      requestTimeout: 20_000,
      targets: [
        { provider: 'openai', apiKey: 'sk-the-secret-itself', weight: 0.7, overrideParams: { model: 'gpt-4o', temperature: 0 } },
        {
          provider: 'anthropic',
          api_key: '${ANTHROPIC_KEY}',
          weight: 0.3,
          override_params: { model: 'claude-opus-5' },
          cache: { mode: 'simple' },
        },
      ],
    };
    const imported = importConfig(value as never, '/etc/chat.json');
    const route = settingsFrom(imported).routes.get('chat')!;
    expect(route).toMatchObject({
      strategy: 'weighted',
      steps: [{ target: 'openai/gpt-4o', weight: 0.7, retries: 3, timeoutMs: 20_000 }, { weight: 0.3 }],
    });
    expect(pathsOf(imported)).toEqual([
      'retry.on_status_codes',
      'targets[0].api_key',
      'targets[0].override_params.temperature',
      'targets[1].cache',
    ]);
    expect(JSON.stringify(imported.config)).not.toContain('the-secret-itself');
  });

  test('a fallback keeps its order, also in nested targets; a target without a model is only a provider', () => {
    const fallback = {
      strategy: { mode: 'fallback' },
      targets: [
        { provider: 'groq', override_params: { model: 'a' } },
        {
          strategy: { mode: 'loadbalance' },
          provider: 'openai',
          targets: [{ override_params: { model: 'b' } }, { override_params: { model: 'c' } }],
        },
      ],
    };
    const imported = importConfig(fallback as never, 'x.json');
    expect(
      settingsFrom(imported)
        .routes.get('x')!
        .steps.map(({ target }) => target),
    ).toEqual(['groq/a', 'openai/b', 'openai/c']);
    expect(imported.left.map(({ why }) => why)).toEqual([
      'not supported by import: loadbalance inside fallback (its targets were added to the outer list)',
    ]);
    const single = importConfig({ provider: 'openai', virtual_key: 'openai-prod' } as never, 'x.json');
    expect(settingsFrom(single).routes.size).toBe(0);
    expect(pathsOf(single)).toEqual(['targets', 'virtual_key']);
  });
});

test('for any file the result loads, or the problem names its field', () => {
  const words = fc.constantFrom(
    'openai/gpt-4o',
    'azure/x',
    'bedrock/y',
    'vertex_ai/z',
    'ollama/q',
    'gpt-4o',
    'nobody/x',
    '*',
    'openai/*',
    'a b/c',
  );
  const json = fc.jsonValue({ maxDepth: 2 });
  const deployment = fc.record(
    {
      model_name: fc.oneof(words, json),
      litellm_params: fc.oneof(
        fc.record({ model: words, api_key: json, api_base: json, rpm: json, timeout: json, weight: json }, { requiredKeys: ['model'] }),
        json,
      ),
      model_info: json,
    },
    { requiredKeys: [] },
  );
  const file = fc.record(
    { model_list: fc.array(deployment, { maxLength: 4 }), litellm_settings: json, router_settings: json },
    { requiredKeys: ['model_list'] },
  );
  fc.assert(
    fc.property(file, value => {
      const imported = importConfig(value as unknown as JsonObject, 'f.yaml');
      if (Object.keys(imported.config.providers as JsonObject).length === 0) return;
      const yaml = stringify(imported.config);
      const loaded = loadConfig({ directory: folder({ 'hindcast.yaml': yaml }), environment: variablesIn(yaml) });
      if (!loaded.ok)
        expect(loaded.problems.map(({ path }) => path)).toEqual(
          loaded.problems.map(() => expect.stringMatching(/^(providers|routes|state)\b/)),
        );
    }),
    { numRuns: 150 },
  );
});

test('through the command line, into a file that `config check` accepts', async () => {
  await using place = new Workspace(undefined, { OPENAI_API_KEY: 'sk-0123456789' });
  writeFileSync(
    join(place.folder, 'litellm.yaml'),
    'model_list:\n  - model_name: fast\n    litellm_params: { model: openai/gpt-5-mini, organization: acme }\n',
  );
  const imported = await place.run('config', 'import', 'litellm.yaml', '-o', 'hindcast.yaml');
  expect([imported.code, imported.stdout]).toEqual([0, '']);
  expect(imported.stderr).toContain('model_list[0].litellm_params.organization: not supported by import');
  expect(readFileSync(join(place.folder, 'hindcast.yaml'), 'utf8')).toBe(
    'providers:\n  openai:\n    api: openai\n    key: ${OPENAI_API_KEY}\nroutes:\n  fast: openai/gpt-5-mini\n',
  );
  expect((await place.run('config', 'check')).code).toBe(0);
  place.write('none.json', '{"hello": 1}');
  const none = await place.run('config', 'import', 'none.json');
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('neither model_list (LiteLLM) nor targets (Portkey)')]);
});
