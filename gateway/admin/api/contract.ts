/** What a route of the admin API is: everything that its handler, its documentation and its callers' types are made of. */
import { z } from 'zod';

/** From the least to the most; each may do what those before it may. */
export const roles = ['caller', 'viewer', 'analyst', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Whether a role includes what the least role may do. */
export const mayActAs = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least);

export interface RouteSpec {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** After `/admin/api/v1`, with parameters in braces. */
  readonly path: string;
  /** One sentence. */
  readonly summary: string;
  readonly description?: string;
  /** The least role; `open` asks for no key. */
  readonly role: Exclude<Role, 'caller'> | 'open';
  /** `tenant`: only rows of the caller's tenant. `gateway`: what belongs to no tenant; keys of the tenants `default` and `*` see it. */
  readonly sees: 'tenant' | 'gateway';
  /** The action that the audit names; false for reads that leave no entry. */
  readonly audited: string | false;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: z.ZodType | undefined;
  readonly answer: z.ZodType;
  /** The answer comes as server-sent events, each of which is one `answer`. */
  readonly streams?: true;
  /** Needs `if-match: <config hash>`. */
  readonly ifMatch?: true;
}

export const nothing = z.object({});

const defaults = { sees: 'tenant' as const, params: nothing, query: nothing, body: undefined };
const readDefaults = { ...defaults, method: 'GET' as const, audited: false as const };

type Filled<Defaults, Spec> = Omit<Defaults, keyof Spec> & Spec;

/** A GET route without parameters and body, unless it says otherwise. */
export const read = <const Spec extends Partial<RouteSpec> & Pick<RouteSpec, 'path' | 'summary' | 'role' | 'answer'>>(spec: Spec) =>
  ({ ...readDefaults, ...spec }) as Filled<typeof readDefaults, Spec>;

/** A route that changes something, and leaves an entry in the audit. */
export const change = <
  const Spec extends Partial<RouteSpec> & Pick<RouteSpec, 'method' | 'path' | 'summary' | 'role' | 'answer' | 'audited'>,
>(
  spec: Spec,
) => ({ ...defaults, ...spec }) as Filled<typeof defaults, Spec>;
