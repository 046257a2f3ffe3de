/** The admin API as one table: handlers, `/openapi.json` and the types of callers are made of it. */
import type { z } from 'zod';
import { accessRoutes } from './access.ts';
import type { RouteSpec } from './contract.ts';
import { exchangeRoutes } from './exchanges.ts';
import { gatewayRoutes } from './gateway.ts';
import { runRoutes } from './runs.ts';
import { usageRoutes } from './usage.ts';

export const prefix = '/admin/api/v1';

export const apiRoutes = { ...exchangeRoutes, ...usageRoutes, ...runRoutes, ...gatewayRoutes, ...accessRoutes } satisfies Readonly<
  Record<string, RouteSpec>
>;

type Routes = typeof apiRoutes;
export type RouteName = keyof Routes;

/** As a handler gets them, defaults filled in. */
export type ParamsOf<Name extends RouteName> = z.output<Routes[Name]['params']>;
export type QueryOf<Name extends RouteName> = z.output<Routes[Name]['query']>;
export type BodyOf<Name extends RouteName> = Routes[Name]['body'] extends z.ZodType ? z.output<Routes[Name]['body']> : undefined;
export type AnswerOf<Name extends RouteName> = z.output<Routes[Name]['answer']>;

/** As a caller sends them. */
export type QueryFor<Name extends RouteName> = z.input<Routes[Name]['query']>;
export type BodyFor<Name extends RouteName> = Routes[Name]['body'] extends z.ZodType ? z.input<Routes[Name]['body']> : undefined;

export const routeEntries = Object.entries(apiRoutes) as unknown as readonly (readonly [RouteName, RouteSpec])[];
