// Small controls that several parts share.
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { t } from '../texts';
import { Icon, type IconName } from './icons';

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
  disabled?: boolean;
  className?: string;
}

export function IconButton({ icon, label, onClick, pressed, disabled, className }: IconButtonProps) {
  return (
    <button type="button" className={`icon-button ${className ?? ''}`} aria-label={label} title={label}
            onClick={onClick} aria-pressed={pressed} disabled={disabled}>
      <Icon name={icon} />
    </button>
  );
}

interface FieldProps {
  label: string;
  note?: string;
  children: (id: string) => ReactNode;
}

export function Field({ label, note, children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {note && <span className="field-note">{note}</span>}
      </label>
      {children(id)}
    </div>
  );
}

interface NumberProps {
  id?: string;
  label?: string;
  value: number | undefined;
  min: number;
  max: number;
  step?: number;
  placeholder?: string;
  onChange: (value: number | undefined) => void;
}

// A number one can type or step; empty where that means something. Kept when the field is left.
export function NumberInput({ id, label, value, min, max, step = 1, placeholder, onChange }: NumberProps) {
  const [text, setText] = useState(value?.toString() ?? '');
  useEffect(() => setText(value?.toString() ?? ''), [value]);
  const commit = (written: string) => {
    if (written.trim() === '') {
      if (placeholder !== undefined) onChange(undefined);
      else setText(value?.toString() ?? '');
      return;
    }
    const number = Number(written.replace(',', '.'));
    if (Number.isFinite(number)) onChange(Math.min(max, Math.max(min, number)));
    setText((Number.isFinite(number) ? Math.min(max, Math.max(min, number)) : value ?? '').toString());
  };
  return (
    <input id={id} aria-label={label} className="number" type="number" inputMode="decimal" value={text}
           min={min} max={max} step={step} placeholder={placeholder}
           onChange={(e) => {
             setText(e.target.value);
             const number = Number(e.target.value);
             if (e.target.value !== '' && number >= min && number <= max) onChange(number);
           }}
           onBlur={(e) => commit(e.target.value)}
           onKeyDown={(e) => { if (e.key === 'Enter') commit(e.currentTarget.value); }} />
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}

// A modal dialog of the browser: focus stays inside, Escape closes, focus returns where it was.
export function Dialog({ title, onClose, children, wide }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current!;
    if (!dialog.open) dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog ref={ref} className={wide ? 'dialog wide' : 'dialog'} aria-labelledby={titleId}
            onCancel={(e) => { e.preventDefault(); onClose(); }}
            onPointerDown={(e) => { if (e.target === ref.current) onClose(); }}>
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <IconButton icon="close" label={t.dialog.close} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface MenuProps {
  button: ReactNode;
  label: string;
  hint?: string;
  className?: string;
  align?: 'start' | 'end';
  up?: boolean;
  children: (close: () => void) => ReactNode;
}

// A button that opens a small panel under (or over) it; Escape or a click elsewhere closes it.
export function Popover({ button, label, hint, className, align = 'start', up, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => {
      if (!ref.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    ref.current?.querySelector<HTMLElement>('.popover-panel :is(button, input, select)')?.focus();
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    ref.current?.querySelector('button')?.focus();
  };
  return (
    <div className="popover" ref={ref}
         onKeyDown={(e) => {
           if (e.key === 'Escape' && open) {
             e.stopPropagation();
             close();
           }
         }}>
      <button type="button" className={className} aria-label={label} title={hint ?? label} aria-expanded={open}
              onClick={() => setOpen(!open)}>
        {button}
      </button>
      {open && (
        <div className={`popover-panel ${align}${up ? ' up' : ''}`} role="group" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}

export function Progress({ value, label }: { value: number | null; label: string }) {
  return <progress className="progress" aria-label={label} max={1} {...(value === null ? {} : { value })} />;
}
