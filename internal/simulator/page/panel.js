// The panel beside the phone: faults, manners, and the calls the vendor has seen.
import { api, element } from './app.js';

const $ = (id) => document.getElementById(id);
let kinds = [];

export function initPanel(all) {
  kinds = all.faultKinds;
  for (const [id, receipts] of [['faults-answer', false], ['faults-receipts', true]]) {
    $(id).replaceChildren(...kinds.filter((k) => Boolean(k.receipts) === receipts).map((k) =>
      element('button', { type: 'button', textContent: k.title, title: k.about, onclick: () => addFault(k.kind) })));
  }
  showFaults(all.faults);
  showSettings(all.settings);
  showOutbox(all.outbox);
  $('calls').replaceChildren();
}

async function addFault(kind) {
  await api('POST', '/api/faults', { kind, count: Number($('fault-count').value) || 1, probability: Number($('fault-chance').value),
    minutes: Number($('fault-minutes').value) });
}

export function showFaults(faults) {
  $('active').replaceChildren(...faults.map((f) => {
    const title = kinds.find((k) => k.kind === f.kind)?.title ?? f.kind;
    const remove = element('button', { type: 'button', textContent: '×', onclick: () => api('DELETE', `/api/faults/${f.id}`) });
    remove.setAttribute('aria-label', `Remove the fault ${title}`);
    const chance = f.probability < 1 ? `, chance ${Math.round(f.probability * 100)} %` : '';
    return element('li', {}, element('span', { textContent: `${title} · ${f.left < 0 ? 'until removed' : `${f.left}× more`}${chance}` }), remove);
  }));
}

export function showSettings(settings) {
  $('ignore-window').checked = settings.ignoreWindow;
  const select = $('read-after');
  if (![...select.options].some((o) => Number(o.value) === settings.readAfter)) {
    select.append(element('option', { value: String(settings.readAfter), textContent: `${settings.readAfter / 1000} s` }));
  }
  select.value = String(settings.readAfter);
}

export function showOutbox(outbox) {
  const pill = $('outbox');
  if (!outbox) {
    pill.className = 'pill bad';
    pill.textContent = 'The simulator is not running';
  } else if (outbox.failing) {
    pill.className = 'pill bad';
    pill.textContent = `Switchboard does not answer: ${outbox.waiting} waiting, none is lost`;
    pill.title = outbox.error ?? '';
  } else {
    pill.className = 'pill good';
    pill.textContent = outbox.waiting ? `Connected · ${outbox.waiting} on the way` : 'Connected';
  }
}

export function addCall(call) {
  const outcome = call.accepted ? 'accepted' : call.errorCode ? `error ${call.errorCode}` : call.status ? `status ${call.status}` : 'no answer';
  const row = element('li', { className: call.accepted ? 'ok' : 'bad' },
    element('span', { className: 'outcome', textContent: outcome + (call.fault ? ` · ${call.fault.replaceAll('_', ' ')}` : '') }),
    element('span', { className: 'call-text', textContent: call.text || call.type }),
    element('span', { className: 'call-meta', textContent: `${call.to} · ${new Date(call.startedAt).toLocaleTimeString()}` }));
  row.dataset.seq = call.seq;
  const old = $('calls').querySelector(`[data-seq="${call.seq}"]`);
  if (old) old.replaceWith(row);
  else $('calls').prepend(row);
  while ($('calls').children.length > 30) $('calls').lastElementChild.remove();
}

$('ignore-window').addEventListener('change', (event) => api('PUT', '/api/settings', { ignoreWindow: event.target.checked }));
$('read-after').addEventListener('change', (event) => api('PUT', '/api/settings', { readAfter: Number(event.target.value) }));
