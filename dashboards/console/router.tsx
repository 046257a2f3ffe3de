/** Which page stands at which address. Pages but the first are fetched when they are opened. */
import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { ExchangePage } from './exchange/page.tsx';
import { Empty, Problem, Waiting } from './parts/feedback.tsx';
import { parseCompareSearch, parseReplaySearch } from './replay/search.ts';
import { Shell } from './shell/shell.tsx';
import { parseSearch } from './traffic/filters.ts';
import { TrafficPage } from './traffic/page.tsx';

const root = createRootRoute({ component: Shell });

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/traffic', search: {} });
  },
});

const traffic = createRoute({ getParentRoute: () => root, path: '/traffic', validateSearch: parseSearch, component: TrafficPage });

/** Which tab of a page is open. */
const tabOf = ({ tab }: Readonly<Record<string, unknown>>): { readonly tab?: string } => (typeof tab === 'string' ? { tab } : {});

const exchange = createRoute({ getParentRoute: () => root, path: '/exchanges/$id', validateSearch: tabOf, component: ExchangePage });

const runs = createRoute({
  getParentRoute: () => root,
  path: '/replay',
  validateSearch: parseReplaySearch,
  component: lazyRouteComponent(() => import('./replay/runs-page.tsx'), 'RunsPage'),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: '/replay/$id',
  validateSearch: parseCompareSearch,
  component: lazyRouteComponent(() => import('./replay/compare-page.tsx'), 'ComparePage'),
});

const words = (search: Readonly<Record<string, unknown>>, name: string): Record<string, string> =>
  typeof search[name] === 'string' ? { [name]: search[name] } : {};

const thresholds = createRoute({
  getParentRoute: () => root,
  path: '/thresholds',
  validateSearch: (search): { readonly route?: string; readonly run?: string } => ({ ...words(search, 'route'), ...words(search, 'run') }),
  component: lazyRouteComponent(() => import('./thresholds/page.tsx'), 'ThresholdsPage'),
});

const overview = createRoute({
  getParentRoute: () => root,
  path: '/overview',
  validateSearch: (search): { readonly since?: string } => words(search, 'since'),
  component: lazyRouteComponent(() => import('./overview/page.tsx'), 'OverviewPage'),
});

const targets = createRoute({
  getParentRoute: () => root,
  path: '/targets',
  component: lazyRouteComponent(() => import('./targets/page.tsx'), 'TargetsPage'),
});

const access = createRoute({
  getParentRoute: () => root,
  path: '/access',
  validateSearch: tabOf,
  component: lazyRouteComponent(() => import('./access/page.tsx'), 'AccessPage'),
});

const playground = createRoute({
  getParentRoute: () => root,
  path: '/playground',
  validateSearch: (search): { readonly from?: string; readonly targets?: string } => ({
    ...words(search, 'from'),
    ...words(search, 'targets'),
  }),
  component: lazyRouteComponent(() => import('./playground/page.tsx'), 'PlaygroundPage'),
});

const config = createRoute({
  getParentRoute: () => root,
  path: '/config',
  component: lazyRouteComponent(() => import('./config/page.tsx'), 'ConfigPage'),
});

const NotFound = () => (
  <Empty title="There is no such page">
    <Link to="/traffic">Go to the traffic</Link>
  </Empty>
);

export const router = createRouter({
  routeTree: root.addChildren([start, traffic, exchange, runs, compare, thresholds, overview, targets, access, playground, config]),
  basepath: '/console',
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  defaultPendingComponent: Waiting,
  defaultErrorComponent: ({ error, reset }) => <Problem error={error} retry={reset} />,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
