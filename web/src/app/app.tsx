import type { Session } from "../api/session";
import { useResource } from "../lib/resource";
import { useValue } from "../lib/value";
import { Brand } from "./brand";
import { Shell } from "./shell";
import { SignIn } from "./sign-in";
import { Workspace, WorkspaceProvider } from "./workspace";

/** The whole page: the sign-in, or the inbox of whoever is signed in. */
export function App({ session }: { session: Session }) {
  const state = useValue(session.state);
  const viewer = state.kind === "signedIn" ? state.viewer : null;
  const workspace = useResource(viewer ? viewer.agent.id : null, () => {
    if (!viewer) throw new Error("A workspace needs a viewer.");
    return new Workspace(session, viewer);
  });
  if (state.kind === "signedOut") return <SignIn session={session} reason={state.reason} />;
  if (!workspace) return <Starting trouble={state.kind === "restoring" && state.trouble} />;
  return (
    <WorkspaceProvider value={workspace}>
      <Shell />
    </WorkspaceProvider>
  );
}

function Starting({ trouble }: { trouble: boolean }) {
  return (
    <main className="flex h-full flex-col items-center justify-center gap-4">
      <Brand />
      <p role="status" className="h-5 text-ink-2">
        {trouble && "Switchboard cannot be reached. Trying again…"}
      </p>
    </main>
  );
}
