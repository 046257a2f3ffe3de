/** What a handler of the admin API is given, and what it may answer. */
import type { Refusal } from '../../exchange/response/refusal.ts';
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, RouteName } from '../api/table.ts';
import type { AdminDependencies, AdminVersion } from '../dependencies.ts';
import type { AdminCaller } from '../http/caller.ts';
import type { ReadScope } from '../records.ts';

export interface AuditNote {
  readonly subject: string;
  readonly tenant?: string;
  readonly detail?: object;
  /** Set when it is not the caller. */
  readonly actor?: string;
}

export interface Call<Name extends RouteName> extends ReadScope {
  readonly params: ParamsOf<Name>;
  readonly query: QueryOf<Name>;
  readonly body: BodyOf<Name>;
  readonly caller: AdminCaller;
  readonly version: AdminVersion;
  /** What the audit says of it, beside who and when. */
  audit(entry: AuditNote): void;
}

/** Sends events until the client disconnects; gives the function that ends it. */
export interface EventStream<Event> {
  open(send: (event: Event) => void): () => void;
}

type Answer<Name extends RouteName> = Name extends 'tail' ? EventStream<AnswerOf<Name>> : AnswerOf<Name>;

export type Handler<Name extends RouteName> = (
  call: Call<Name>,
  dependencies: AdminDependencies,
) => Promise<Answer<Name> | Refusal> | Answer<Name> | Refusal;

/** Every route but those of the session, which the server itself answers. */
export type Handlers<Names extends RouteName> = { readonly [Name in Names]: Handler<Name> };
export type SessionRoute = 'openSession' | 'getSession' | 'closeSession';
