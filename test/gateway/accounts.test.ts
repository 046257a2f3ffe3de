// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
/** Accounts at clouds: the address from the account, credentials that authenticate a call, and a message for what is missing. */
import { describe, expect, test } from 'vitest';
import type { Account } from '../../gateway/settings/settings.ts';
import { load, problems } from './config-files.ts';

function account(yaml: string, environment: Record<string, string> = {}): Account {
  const loaded = load(`providers: { a: ${yaml} }`, environment);
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('; '));
  return loaded.settings.providers.get('a')!;
}
const problemsOf = (yaml: string): readonly string[] =>
  problems(`providers: { a: ${yaml} }`).map(({ path, message }) => `${path}: ${message}`);

describe('an account', () => {
  test('at Azure is addressed by its resource and the version of the API', () => {
    expect(account('{ api: azure, resource: acme, key: k }')).toMatchObject({
      baseUrl: 'https://acme.openai.azure.com',
      query: 'api-version=2024-10-21',
    });
    expect(account('{ api: azure, base_url: https://x.example/, api_version: 2025-01-01-preview, key: k }')).toMatchObject({
      baseUrl: 'https://x.example',
      query: 'api-version=2025-01-01-preview',
    });
  });

  test('at Vertex is addressed by region and project; the global one has no region before its name', () => {
    const at = (region: string): string => account(`{ api: vertex, project: p-1${region}, credentials: metadata }`).baseUrl;
    expect(at('')).toBe('https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/google');
    expect(at(', region: europe-west4')).toBe(
      'https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4/publishers/google',
    );
  });

  test('at Vertex may hold a service account', () => {
    const json = JSON.stringify({ client_email: 'a@b', private_key: 'k', type: 'service_account' });
    expect(account('{ api: vertex, project: p, credentials: "${SA}" }', { SA: json }).keys[0]!.reveal()).toBe(json);
  });

  test('on this machine needs no key', () => {
    expect(account('{ api: ollama, allow_private: true }')).toMatchObject({ baseUrl: 'http://127.0.0.1:11434/v1', keys: [] });
  });
});

describe('an account that is not whole', () => {
  test.each([
    ['{ api: azure, key: k }', 'providers.a: its resource is missing; add resource: …, which is part of its address'],
    ['{ api: vertex, credentials: metadata }', 'providers.a: its project is missing; add project: …, which is part of its address'],
    [
      '{ api: vertex, project: p }',
      'providers.a: its credentials are missing; add credentials: "${file:/path/to/service-account.json}", or credentials: metadata',
    ],
    [
      '{ api: vertex, project: p, credentials: "{}" }',
      'providers.a.credentials: a service account is JSON with client_email and private_key: write "${file:/path/to/it.json}", or metadata',
    ],
    [
      '{ api: vertex, project: p, region: "evil.example/", credentials: metadata }',
      expect.stringMatching(/^providers\.a\.region: expected a region/),
    ],
    ['{ api: mistral, key: k, project: r }', 'providers.a.project: api mistral takes no project; remove it'],
    ['{ api: mistral, access_key_id: k }', 'providers.a.access_key_id: api mistral takes no access_key_id; remove it'],
    ['{ api: mistral }', 'providers.a: its key is missing; add key: "${MISTRAL_API_KEY}"'],
    ['{ api: ollama }', 'providers.a: api ollama listens at http://127.0.0.1:11434/v1; add allow_private: true'],
  ])('%s', (yaml, message) => expect(problemsOf(yaml)).toEqual([message]));
});
