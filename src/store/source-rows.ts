/** Rows of `sources` and `source_files` as the port gives them. Every engine's store uses it. */
import { toHex } from '../core/bytes.ts'
import type { FileRecord, SourceRecord, SourceState } from './port.ts'
import type { Row } from './schema.ts'

export function fileRecordOf(row: Row<'source_files'>): FileRecord {
  return {
    path: row.path,
    sensorOverride: row.sensor_override,
    sourceId: row.source_id,
    device: row.device,
    inode: row.inode,
    size: row.size,
    mtimeNs: row.mtime_ns,
    ctimeNs: row.ctime_ns,
    foreignKind: row.foreign_kind,
    isFinished: row.is_finished === 1,
  }
}

/** @param open - the batch of `open_seq`, where there is one */
export function sourceRecordOf(
  row: Row<'sources'>,
  open: { readonly startOffset: number; readonly firstRecord: number } | undefined,
): SourceRecord {
  return {
    id: row.id,
    uid: row.uid,
    sensorOverride: row.sensor_override,
    headLength: row.head_length,
    headDigest: toHex(row.head_digest),
    committedOffset: row.committed_offset,
    tailDigest: row.tail_digest,
    records: row.records,
    batches: row.batches,
    lastDigest: row.last_digest,
    open: open === undefined ? undefined : { seq: row.open_seq, ...open },
    state: row.state as SourceState, // written by this program alone
    pendingBytes: row.pending_bytes,
    firstSeenUs: row.first_seen_us,
  }
}
