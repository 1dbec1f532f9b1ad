import { Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useWorkspace } from "../app/workspace";
import type { Conversation } from "../store/live";
import type { Thread } from "../store/thread";
import { Button, IconButton } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";

interface Props {
  conversation: Conversation;
  thread: Thread;
  onClose: () => void;
}

interface Variable {
  key: number;
  value: string;
}

/** The form that sends a template approved at the provider. */
export function TemplateForm({ conversation, thread, onClose }: Props) {
  const { outbox } = useWorkspace();
  const [header, setHeader] = useState<readonly Variable[]>([]);
  const [body, setBody] = useState<readonly Variable[]>([]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    outbox.send({
      conversationId: conversation.id,
      template: {
        name: String(form.get("name")).trim(),
        language: String(form.get("language")).trim(),
        header: header.map((variable) => variable.value),
        body: body.map((variable) => variable.value),
      },
      expectedLastSeq: thread.lastSeq(),
    });
    onClose();
  };
  return (
    <Dialog title="Send a template" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <p className="text-ink-2">A template must be approved at the provider. It can be sent at any time, also when the reply window is closed.</p>
        <div className="flex gap-3">
          <Field label="Name" name="name" required maxLength={512} autoFocus spellCheck={false} placeholder="order_update" className="grow" />
          <Field label="Language" name="language" required defaultValue="en_US" spellCheck={false} className="w-28" />
        </div>
        <Variables title="Header variables" most={10} variables={header} onChange={setHeader} />
        <Variables title="Body variables" most={50} variables={body} onChange={setBody} />
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="primary">
            Send template
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface VariablesProps {
  title: string;
  most: number;
  variables: readonly Variable[];
  onChange: (variables: readonly Variable[]) => void;
}

function Variables({ title, most, variables, onChange }: VariablesProps) {
  const add = () => onChange([...variables, { key: (variables.at(-1)?.key ?? 0) + 1, value: "" }]);
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1.5 text-sm font-medium">{title}</legend>
      {variables.map((variable, i) => (
        <div key={variable.key} className="flex items-center gap-2">
          <span className="tabular w-10 shrink-0 text-xs text-ink-2">{`{{${i + 1}}}`}</span>
          <input
            aria-label={`${title}, ${i + 1}`}
            required
            maxLength={1024}
            autoFocus
            value={variable.value}
            onChange={(event) => onChange(variables.map((one) => (one.key === variable.key ? { ...one, value: event.target.value } : one)))}
            className="h-9 min-w-0 grow rounded-lg border border-edge bg-surface px-3"
          />
          <IconButton label={`Remove variable ${i + 1}`} onClick={() => onChange(variables.filter((one) => one.key !== variable.key))}>
            <Trash2 size={15} aria-hidden />
          </IconButton>
        </div>
      ))}
      {variables.length < most && (
        <Button size="sm" tone="quiet" className="self-start" onClick={add}>
          <Plus size={14} aria-hidden /> Add a variable
        </Button>
      )}
    </fieldset>
  );
}
