/** Who may do what: the session, tenants, keys, budgets, the audit; and the flush before reads. */
import { z } from 'zod';
import { change, read, roles } from './contract.ts';
import { count, json, listOf, page, pageOnly, time, timeParameter, usd, word } from './fields.ts';

const session = z
  .object({
    name: z.string().describe('Name of the key; empty without keys.'),
    role: z.enum(roles),
    tenant: z.string().describe('`*` is all.'),
    expires_at: time('End of the session.').nullable().describe('Null for a bearer key, and without keys.'),
    version: z.string().describe('Of the gateway.'),
  })
  .meta({ id: 'Session', description: 'The caller of the admin API.' });

const caps = {
  budget: z
    .object({
      usd: usd('Of a period.'),
      per: z.string(),
      unpriced: z.enum(['refuse', 'allow']),
      warn_at: z.number().nullable().describe('Share whose spending is a warning.'),
    })
    .nullable(),
  limits: z
    .object({
      rpm: z.number().nullable(),
      tpm: z.number().nullable(),
      rpd: z.number().nullable(),
      tpd: z.number().nullable(),
      max_parallel: z.number().nullable(),
    })
    .nullable(),
};

export const tenant = z
  .object({
    name: z.string(),
    routes: z.array(z.string()).nullable().describe('Routes and targets it may use; null for all.'),
    ...caps,
    retention: z.object({ records: z.number().nullable(), payloads: z.number().nullable() }).nullable().describe('Days.'),
    projects: z.record(z.string(), z.object(caps)),
    users: z.record(z.string(), z.object(caps)),
  })
  .meta({ id: 'Tenant', description: 'A tenant, its budgets and limits.' });
export type Tenant = z.output<typeof tenant>;

export const key = z
  .object({
    id: z.string(),
    name: z.string(),
    tenant: z.string(),
    project: z.string(),
    user: z.string(),
    role: z.enum(roles),
    hash: z.string().describe('First 8 digits of its sha256.'),
    ...caps,
    stored: z.boolean().describe('False for a key of the configuration file, which is changed there.'),
    state: z.enum(['active', 'blocked', 'expired']),
    routes: z.array(z.string()).nullable().describe('Routes and targets it may call; null for all.'),
    models: z.array(z.string()).nullable().describe('Models it may be answered by; null for all.'),
    metadata: z.record(z.string(), z.string()),
    created_at: time('When it was made.').nullable(),
    expires_at: time('From then on it is refused.').nullable(),
    rotated_until: time('Until then the key before the rotation is accepted.').nullable(),
  })
  .meta({ id: 'Key', description: 'A key, without anything that would let someone in.' });
export type Key = z.output<typeof key>;

export const budget = z
  .object({
    scope: z.string().describe('`tenant acme`, `project acme/web`, `user acme/u1` or `key web`.'),
    tenant: z.string(),
    usd: usd('Of a period.'),
    per: z.string(),
    period: z.string(),
    spent_usd: usd('In this period.'),
    reserved_usd: usd('By requests under way.'),
    left_usd: usd('Of this period.'),
    resets_at: time('Begin of the next period.').nullable(),
  })
  .meta({ id: 'Budget', description: 'A budget and what is left of it.' });
export type Budget = z.output<typeof budget>;

export const auditEntry = z
  .object({
    at: time('When.'),
    actor: z.string().describe('`key:<name>`, `local:<user>`, `gateway` or `anybody`.'),
    action: z.string(),
    tenant: z.string(),
    subject: z.string(),
    detail: json,
    chain: z.string(),
    seq: count('In its chain.'),
    hash: z.string(),
  })
  .meta({ id: 'AuditEntry', description: 'Who changed or looked at what.' });
export type AuditRow = z.output<typeof auditEntry>;

const keyPath = z.object({ id: word('Id of the key, or its name.') });

const patterns = z.array(word('A name, or a beginning with `*`.')).max(1_000);
const keyChanges = {
  routes: patterns.nullable().optional().describe('Routes and targets it may call; null for all.'),
  models: patterns.nullable().optional().describe('Models it may be answered by; null for all.'),
  metadata: z.record(word('A name.'), z.string().max(1_000)).optional(),
  expires_at: z.iso.datetime({ offset: true }).nullable().optional().describe('Null for never.'),
  budget: z
    .strictObject({
      usd: z.number().min(0).max(1_000_000),
      per: z.enum(['hour', 'day', 'week', 'month', 'total']).default('month'),
      unpriced: z.enum(['refuse', 'allow']).default('refuse'),
      warn_at: z.number().min(0).max(1).optional(),
    })
    .nullable()
    .optional(),
  limits: z
    .strictObject({
      rpm: z.int().min(1).optional(),
      tpm: z.int().min(1).optional(),
      rpd: z.int().min(1).optional(),
      tpd: z.int().min(1).optional(),
      max_parallel: z.int().min(1).optional(),
    })
    .nullable()
    .optional(),
};
/** What a stored key may be given. */
export const keyChange = z.strictObject({ ...keyChanges, blocked: z.boolean().optional() });
export type KeyChange = z.output<typeof keyChange>;

const createdKey = key.extend({ key: z.string().describe('The whole key. Nobody can read it again.') }).meta({ id: 'CreatedKey' });

export const auditQuery = z.strictObject({
  since: timeParameter('Then or later.').optional(),
  until: timeParameter('Before then.').optional(),
  actor: word('Who.').optional(),
  action: word('What was done.').optional(),
  ...page,
});
export type AuditQuery = z.output<typeof auditQuery>;

export const accessRoutes = {
  openSession: change({
    method: 'POST',
    path: '/session',
    summary: 'Open a session of 12 hours, kept in the cookie hindcast_session.',
    role: 'open',
    audited: 'session-opened',
    body: z.strictObject({ key: z.string().max(4_096).default('').describe('A key of the role viewer or more.') }),
    answer: session,
  }),
  getSession: read({ path: '/session', summary: 'Show the caller.', role: 'viewer', answer: session }),
  closeSession: change({
    method: 'DELETE',
    path: '/session',
    summary: 'Close the session.',
    role: 'viewer',
    audited: 'session-closed',
    answer: z.object({ closed: z.literal(true) }),
  }),
  flush: change({
    method: 'POST',
    path: '/flush',
    summary: 'Ship what all workers of this gateway have recorded so far to the store.',
    description:
      'Waits at most 5 s. Ask for it before reading what has just happened. Other gateways on the same store keep their newest 5 s.',
    role: 'viewer',
    audited: 'flushed',
    answer: z.object({ complete: z.boolean().describe('False when it takes longer; the rest follows.') }),
  }),
  listTenants: read({ path: '/tenants', summary: 'List tenants.', role: 'viewer', query: pageOnly, answer: listOf(tenant) }),
  listKeys: read({ path: '/keys', summary: 'List keys.', role: 'admin', query: pageOnly, answer: listOf(key) }),
  getKey: read({ path: '/keys/{id}', summary: 'Show one key.', role: 'admin', params: keyPath, answer: key }),
  createKey: change({
    method: 'POST',
    path: '/keys',
    summary: 'Make a key, kept in the state store.',
    description: 'Every gateway of that store accepts it at once. The answer has the whole key, once.',
    role: 'admin',
    audited: 'key-created',
    body: z.strictObject({
      name: z.string().min(1).max(100),
      tenant: z.string().min(1).max(100).default('default'),
      project: z.string().max(256).default(''),
      user: z.string().max(256).default(''),
      role: z.enum(roles).default('caller'),
      ...keyChanges,
    }),
    answer: createdKey,
  }),
  changeKey: change({
    method: 'PUT',
    path: '/keys/{id}',
    summary: 'Block or unblock a stored key, let it expire, or change what it may do.',
    description: 'What is left out stays. A key of the configuration file is changed there (409 `key_in_file`).',
    role: 'admin',
    audited: 'key-changed',
    params: keyPath,
    body: keyChange,
    answer: key,
  }),
  rotateKey: change({
    method: 'POST',
    path: '/keys/{id}/rotate',
    summary: 'Give a stored key another secret.',
    description: 'The old one is accepted for the grace time. The answer has the whole new key, once.',
    role: 'admin',
    audited: 'key-rotated',
    params: keyPath,
    body: z.strictObject({ grace_seconds: z.int().min(0).max(31_536_000).default(86_400) }),
    answer: createdKey,
  }),
  revokeKey: change({
    method: 'DELETE',
    path: '/keys/{id}',
    summary: 'Revoke a key: out of the state store, or out of the configuration file.',
    description: 'The gateway refuses the key within a second. The last key cannot be revoked here: nobody would need one then.',
    role: 'admin',
    audited: 'key-revoked',
    params: keyPath,
    answer: z.object({ id: z.string(), revoked: z.literal(true) }),
  }),
  listBudgets: read({
    path: '/budgets',
    summary: 'List budgets and what is left of them.',
    role: 'viewer',
    query: pageOnly,
    answer: listOf(budget),
  }),
  listAudit: read({
    path: '/audit',
    summary: 'List who changed or looked at what, the newest first.',
    role: 'admin',
    query: auditQuery,
    answer: listOf(auditEntry),
  }),
};
