import { UserMinus } from "lucide-react";
import { type RefObject, useEffect, useState } from "react";
import { asApiError } from "../api/errors";
import { useWorkspace } from "../app/workspace";
import { AgentsDocument, type AgentsQuery } from "../gql/graphql";
import type { Conversation } from "../store/live";
import { Avatar } from "../ui/bits";
import { MenuItem, Popover } from "../ui/popover";

interface Props {
  anchor: RefObject<HTMLElement | null>;
  conversation: Conversation;
  onClose: () => void;
}

type Agents = AgentsQuery["agents"];

/** Who has the conversation, and for those who may, who shall have it. */
export function AssignMenu({ anchor, conversation, onClose }: Props) {
  const { actions, viewer, supervises } = useWorkspace();
  const { assignee, status } = conversation;
  const me = viewer.agent.id;
  const mayRelease = assignee && (supervises || assignee.id === me);
  const act = (what: Promise<void>) => {
    onClose();
    void what;
  };
  return (
    <Popover anchor={anchor} role="menu" label="Assignee" onClose={onClose} className="max-h-96 w-64 overflow-y-auto p-1.5">
      {!assignee && status === "OPEN" && (
        <MenuItem icon={<Avatar name={viewer.agent.name} id={me} size="xs" />} hint="c" onSelect={() => act(actions.claim(conversation.id))}>
          Claim it yourself
        </MenuItem>
      )}
      {mayRelease && (
        <MenuItem icon={<UserMinus size={18} aria-hidden />} onSelect={() => act(actions.release(conversation.id))}>
          Release to unassigned
        </MenuItem>
      )}
      {supervises && status !== "RESOLVED" ? (
        <Colleagues except={assignee?.id ?? null} onChoose={(id) => act(actions.reassign(conversation.id, id))} />
      ) : (
        !mayRelease &&
        assignee && (
          <p role="presentation" className="px-2.5 py-2 text-ink-2">
            {assignee.name} answers here. A supervisor can reassign it.
          </p>
        )
      )}
    </Popover>
  );
}

function Colleagues({ except, onChoose }: { except: string | null; onChoose: (id: string) => void }) {
  const { live, viewer } = useWorkspace();
  const [agents, setAgents] = useState<Agents | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    live.api
      .query(AgentsDocument, {})
      .then((data) => !gone && setAgents(data.agents))
      .catch((thrown: unknown) => !gone && setTrouble(asApiError(thrown).message));
    return () => {
      gone = true;
    };
  }, [live]);
  return (
    <>
      <p role="presentation" className="px-2.5 pt-2 pb-1 text-xs font-semibold text-ink-2">
        Assign to
      </p>
      {trouble && (
        <p role="alert" className="px-2.5 py-2 text-danger">
          {trouble}
        </p>
      )}
      {!agents && !trouble && <div aria-hidden className="skeleton m-2 h-20" />}
      {agents
        ?.filter((agent) => agent.id !== except)
        .map((agent) => (
          <MenuItem key={agent.id} icon={<Avatar name={agent.name} id={agent.id} size="xs" />} onSelect={() => onChoose(agent.id)}>
            {agent.id === viewer.agent.id ? `${agent.name} (you)` : agent.name}
          </MenuItem>
        ))}
    </>
  );
}
