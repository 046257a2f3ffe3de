/** Keys and budgets: who may ask, what they may spend, and who changed or looked at what. */
import './access.css';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { mayActAs, session } from '../api/queries.ts';
import { Burn } from '../overview/burn.tsx';
import { useNow } from '../parts/media.ts';
import { PageHead } from '../parts/panel.tsx';
import { type Pane, Tabs } from '../parts/tabs.tsx';
import { AuditLog } from './audit-log.tsx';
import { Keys } from './keys.tsx';
import { Tenants } from './tenants.tsx';

const here = getRouteApi('/access');

/** Keys and the audit are shown to admins. */
export function AccessPage() {
  const { data: who } = useQuery(session);
  const { tab } = here.useSearch();
  const navigate = here.useNavigate();
  const now = useNow(10_000);
  const isAdmin = mayActAs(who?.role ?? 'viewer', 'admin');
  const panes: readonly Pane[] = [
    ...(isAdmin ? [{ id: 'keys', title: 'Keys', content: () => <Keys /> }] : []),
    { id: 'budgets', title: 'Budgets', content: () => <Burn now={now} /> },
    { id: 'tenants', title: 'Tenants', content: () => <Tenants /> },
    ...(isAdmin ? [{ id: 'audit', title: 'Audit', content: () => <AuditLog /> }] : []),
  ];
  return (
    <div className="content">
      <PageHead title="Keys and budgets" />
      <Tabs
        label="Access"
        panes={panes}
        value={panes.find(({ id }) => id === tab)?.id ?? panes[0]!.id}
        onChange={next => void navigate({ search: { tab: next } })}
      />
    </div>
  );
}
