/** Panes of which one is shown. */
import { Content, List, Root, Trigger } from '@radix-ui/react-tabs';

export interface Pane {
  readonly id: string;
  readonly title: string;
  readonly content: () => React.ReactNode;
}

export function Tabs({
  panes,
  value,
  onChange,
  label,
}: {
  readonly panes: readonly Pane[];
  readonly value: string;
  readonly label: string;
  onChange(id: string): void;
}) {
  return (
    <Root value={value} onValueChange={onChange}>
      <List className="tabs-list" aria-label={label}>
        {panes.map(({ id, title }) => (
          <Trigger key={id} value={id}>
            {title}
          </Trigger>
        ))}
      </List>
      {panes.map(({ id, content }) => (
        <Content key={id} value={id} className="tab-pane">
          {id === value && content()}
        </Content>
      ))}
    </Root>
  );
}
