/** How answers of the admin API are kept: what is old is asked anew, what nobody looks at is cancelled. */
import { QueryClient, queryOptions } from '@tanstack/react-query';
import { type AnswerOf, ApiError, type CallName, type CallOptions, call } from './client.ts';

const isWorthAnother = (error: unknown): boolean => error instanceof ApiError && (error.status === 503 || error.status === 0);

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && isWorthAnother(error),
    },
  },
});

/** One call as a query; its key is the call itself. */
export const query = <Name extends CallName>(name: Name, options: Omit<CallOptions<Name>, 'signal'> = {}) =>
  queryOptions<AnswerOf<Name>, Error>({
    queryKey: [name, options.params ?? {}, options.query ?? {}],
    queryFn: ({ signal }) => call(name, { ...options, signal }),
  });

export const session = query('getSession');
export type Session = AnswerOf<'getSession'>;
export type Role = Session['role'];

const roles: readonly Role[] = ['caller', 'viewer', 'analyst', 'admin'];
/** Whether a role may do what `least` may. */
export const mayActAs = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least);
