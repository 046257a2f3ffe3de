/** The frame around every page: where one can go, who one is, and the login when nobody knows. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { ApiError, call } from '../api/client.ts';
import { mayActAs, type Role, type Session, session } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Problem, Waiting } from '../parts/feedback.tsx';
import { Icon, type IconName, Mark } from '../parts/icons.tsx';
import { setTheme, type Theme, useTheme } from '../parts/theme.ts';
import { Login } from './login.tsx';

interface Place {
  readonly to: '/traffic' | '/overview' | '/replay' | '/thresholds' | '/targets' | '/access' | '/playground' | '/config';
  readonly icon: IconName;
  readonly title: string;
  readonly role: Role;
}

const places: readonly Place[] = [
  { to: '/traffic', icon: 'traffic', title: 'Traffic', role: 'viewer' },
  { to: '/overview', icon: 'overview', title: 'Overview', role: 'viewer' },
  { to: '/replay', icon: 'replay', title: 'Replay', role: 'viewer' },
  { to: '/thresholds', icon: 'thresholds', title: 'Thresholds', role: 'viewer' },
  { to: '/targets', icon: 'targets', title: 'Targets', role: 'viewer' },
  { to: '/playground', icon: 'playground', title: 'Playground', role: 'analyst' },
  { to: '/access', icon: 'access', title: 'Keys & budgets', role: 'viewer' },
  { to: '/config', icon: 'config', title: 'Config', role: 'admin' },
];

export function Shell() {
  const found = useQuery({ ...session, staleTime: Number.POSITIVE_INFINITY });
  if (found.data) return <Frame session={found.data} />;
  if (found.error instanceof ApiError && (found.error.status === 401 || found.error.status === 403)) return <Login />;
  if (found.error) return <Problem error={found.error} retry={() => found.refetch()} />;
  return <Waiting />;
}

function Frame({ session: who }: { readonly session: Session }) {
  const [isOpen, setOpen] = useState(false);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when the page changes
  useEffect(() => setOpen(false), [pathname]);
  return (
    <div className="shell">
      <header className="topbar">
        <Brand />
        <Button icon={isOpen ? 'close' : 'menu'} kind="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          Menu
        </Button>
      </header>
      <nav className={isOpen ? 'rail open' : 'rail'} aria-label="Pages">
        <Brand />
        {places
          .filter(({ role }) => mayActAs(who.role, role))
          .map(({ to, icon, title }) => (
            <Link key={to} to={to} className="item">
              <Icon name={icon} />
              {title}
            </Link>
          ))}
        <Foot session={who} />
      </nav>
      <main className="page">
        <Outlet />
      </main>
    </div>
  );
}

const Brand = () => (
  <Link to="/traffic" className="brand">
    <Mark />
    Hindcast
  </Link>
);

const nextTheme: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };

function Foot({ session: who }: { readonly session: Session }) {
  const theme = useTheme();
  const client = useQueryClient();
  const close = async (): Promise<void> => {
    await call('closeSession');
    client.clear();
    location.reload();
  };
  return (
    <div className="foot">
      <div className="row">
        <a href="/docs/api">API</a>
        <Button icon="theme" kind="quiet" aria-label={`Theme: ${theme}`} onClick={() => setTheme(nextTheme[theme])}>
          {theme}
        </Button>
      </div>
      <div className="row">
        <span className="cut" title={`${who.name || 'this machine'}, ${who.role}`}>
          {who.name || 'this machine'} · {who.role}
        </span>
        {who.expires_at !== null && (
          <Button kind="quiet" onClick={() => void close()}>
            Leave
          </Button>
        )}
      </div>
      <span>{who.version}</span>
    </div>
  );
}
