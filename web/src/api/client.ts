// The server's API as plain functions. Every failure is an ApiError whose message is written for
// people; nothing here knows the page.
import type {
  CreatePiece, Info, Job, JobRequest, Piece, PieceSummary, StoredFile, View,
} from './types';

export interface ErrorDetail {
  code: string;
  message: string;
  line?: number;
  column?: number;
  field?: string;
}

export class ApiError extends Error {
  constructor(readonly detail: ErrorDetail, readonly status: number) {
    super(detail.message);
  }
}

const kBase = '/api/v1';

async function failure(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { error: ErrorDetail };
    return new ApiError(body.error, response.status);
  } catch {
    return new ApiError(
      { code: 'internal', message: `The server answered ${response.status}.` }, response.status);
  }
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(kBase + path, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ code: 'unreachable', message: '' }, 0);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await send(path, init)).json()) as T;
}

function body(method: string, value: unknown): RequestInit {
  return {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(value),
  };
}

export type ExportFormat = 'mid' | 'musicxml' | 'jianpu' | 'tokens' | 'project';

export const api = {
  info: () => json<Info>('/info'),
  login: (token: string) => send('/login', body('POST', { token })),

  uploadFile: (bytes: Blob, name: string) =>
    json<StoredFile>(`/files?name=${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: bytes,
    }),
  fileUrl: (id: string) => `${kBase}/files/${id}/content`,

  pieces: async () => {
    const all: PieceSummary[] = [];
    let before = '';
    for (;;) {
      const page = await json<{ pieces: PieceSummary[]; next: string | null }>(`/pieces${before}`);
      all.push(...page.pieces);
      if (!page.next) return all;
      before = `?before=${encodeURIComponent(page.next)}`;
    }
  },
  piece: (id: string) => json<Piece>(`/pieces/${id}`),
  createPiece: (wish: CreatePiece) => json<Piece>('/pieces', body('POST', wish)),
  renamePiece: (id: string, name: string) => json<PieceSummary>(`/pieces/${id}`, body('PATCH', { name })),
  deletePiece: (id: string) => send(`/pieces/${id}`, { method: 'DELETE' }),
  restorePiece: (id: string) => json<PieceSummary>(`/pieces/${id}`, body('PATCH', { deleted: false })),
  exportUrl: (id: string, format: ExportFormat) => `${kBase}/pieces/${id}/export/${format}`,
  exportText: async (id: string, format: ExportFormat) =>
    (await send(`/pieces/${id}/export/${format}`)).text(),

  previewNotation: (text: string, signal: AbortSignal) =>
    json<View>('/notation', { ...body('POST', { text }), signal }),

  createJob: (request: JobRequest) => json<Job>('/jobs', body('POST', request)),
  jobs: () => json<{ jobs: Job[] }>('/jobs'),
  job: (id: string) => json<Job>(`/jobs/${id}`),
  cancelJob: (id: string) => json<Job>(`/jobs/${id}`, { method: 'DELETE' }),
  eventsUrl: (id: string) => `${kBase}/jobs/${id}/events`,
};
