// Short names for what the server's description defines; schema.ts is generated from it.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Info = Schemas['Info'];
export type View = Schemas['View'];
export type Bar = Schemas['Bar'];
export type Track = Schemas['Track'];
export type Edit = Schemas['Edit'];
export type Piece = Schemas['Piece'];
export type PieceSummary = Schemas['PieceSummary'];
export type Recipe = Schemas['Recipe'];
export type Novelty = Schemas['Novelty'];
export type Job = Schemas['Job'];
export type JobRequest = Schemas['JobRequest'];
export type CreatePiece = Schemas['CreatePiece'];
export type Controls = Schemas['Controls'];
export type Sampling = Schemas['Sampling'];
export type Sound = Schemas['Sound'];
export type SoundNovelty = Schemas['SoundNovelty'];
export type StoredFile = Schemas['File'];
export type JobEvents = Schemas['Events'];

// Onset and duration in ticks, pitch, velocity.
export type Note = number[];
