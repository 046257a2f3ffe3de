/** What a page shows instead of data: that it waits, that there is none, that something failed. */
import { ApiError } from '../api/client.ts';

/** A thin moving line. */
export const Waiting = ({ label = 'Loading' }: { readonly label?: string }) => (
  <div className="loading" role="status">
    <span className="hidden-text">{label}</span>
  </div>
);

/** A title in the midst of nothing, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: React.ReactNode }) {
  return (
    <div className="empty">
      <b>{title}</b>
      {children}
    </div>
  );
}

/** What failed, with a button that tries again. */
export function Problem({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ApiError && error.status > 0 ? ` (${error.code})` : '';
  return (
    <div className="problem" role="alert">
      <span className="grow">
        {message}
        {code}
      </span>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface QueryState<Data> {
  readonly data: Data | undefined;
  readonly error: unknown;
  readonly isPending: boolean;
  refetch(): unknown;
}

/** Shows the data of a query once it is there, and until then why it is not. */
export function Loaded<Data>({
  query,
  children,
}: {
  readonly query: QueryState<Data>;
  readonly children: (data: Data) => React.ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Problem error={query.error} retry={() => query.refetch()} />;
  return query.isPending ? <Waiting /> : null;
}
