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
  budget: z.object({ usd: usd('Of a period.'), per: z.string(), unpriced: z.enum(['refuse', 'allow']) }).nullable(),
  limits: z.object({ rpm: z.number().nullable(), tpm: z.number().nullable() }).nullable(),
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

const keyPath = z.object({ id: word('Id of the key: its name.') });

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
  revokeKey: change({
    method: 'DELETE',
    path: '/keys/{id}',
    summary: 'Take a key out of the configuration file.',
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
