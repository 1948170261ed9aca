/**
 * The functions of kernel32.dll that overlapped calls, as their manual pages declare them, with handles and addresses
 * as numbers. A BOOL is 0 when the call failed; `GetLastError` says why, when it is the next foreign call.
 */

import { Library } from '../library.js';

/** Also what a thread waits with. */
export const GET_QUEUED_COMPLETION_STATUS_EX =
  'int GetQueuedCompletionStatusEx(int64_t CompletionPort, int64_t lpCompletionPortEntries, uint32_t ulCount, int64_t ulNumEntriesRemoved, uint32_t dwMilliseconds, int fAlertable)';

function declareKernel32() {
  const library = new Library('kernel32.dll');
  return {
    /** Asks for the end of one operation of a handle, or of all. */
    CancelIoEx: library.declare('int CancelIoEx(int64_t hFile, int64_t lpOverlapped)'),
    /** Closes a handle. */
    CloseHandle: library.declare('int CloseHandle(int64_t hObject)'),
    /** Returns the port's handle, 0 on failure. */
    CreateIoCompletionPort: library.declare(
      'int64_t CreateIoCompletionPort(int64_t FileHandle, int64_t ExistingCompletionPort, int64_t CompletionKey, uint32_t NumberOfConcurrentThreads)',
    ),
    /** A handle of this process, which need not be closed. */
    GetCurrentProcess: library.declare('int64_t GetCurrentProcess()'),
    /** The error of the call before it. */
    GetLastError: library.declare('uint32_t GetLastError()'),
    /** Writes the number of the process's open handles. */
    GetProcessHandleCount: library.declare('int GetProcessHandleCount(int64_t hProcess, int64_t pdwHandleCount)'),
    /**
     * Also 0 for a packet whose operation failed: then it has written an OVERLAPPED, and `GetLastError` is about that.
     */
    GetQueuedCompletionStatus: library.declare(
      'int GetQueuedCompletionStatus(int64_t CompletionPort, int64_t lpNumberOfBytesTransferred, int64_t lpCompletionKey, int64_t lpOverlapped, uint32_t dwMilliseconds)',
    ),
    /** Dequeues several packets at once. */
    GetQueuedCompletionStatusEx: library.declare(GET_QUEUED_COMPLETION_STATUS_EX),
    /** Posts a packet of the program's own. */
    PostQueuedCompletionStatus: library.declare(
      'int PostQueuedCompletionStatus(int64_t CompletionPort, uint32_t dwNumberOfBytesTransferred, int64_t dwCompletionKey, int64_t lpOverlapped)',
    ),
    /** Copies bytes, also between memories that overlap. */
    RtlMoveMemory: library.declare('void RtlMoveMemory(int64_t Destination, int64_t Source, int64_t Length)'),
    /** Sets what the completions of a handle bring. */
    SetFileCompletionNotificationModes: library.declare(
      'int SetFileCompletionNotificationModes(int64_t FileHandle, uint8_t Flags)',
    ),
    /** Sets the flags of a handle. */
    SetHandleInformation: library.declare(
      'int SetHandleInformation(int64_t hObject, uint32_t dwMask, uint32_t dwFlags)',
    ),
    /** Returns the address of zeroed pages, 0 on failure. */
    VirtualAlloc: library.declare(
      'int64_t VirtualAlloc(int64_t lpAddress, int64_t dwSize, uint32_t flAllocationType, uint32_t flProtect)',
    ),
    /** Frees pages. */
    VirtualFree: library.declare('int VirtualFree(int64_t lpAddress, int64_t dwSize, uint32_t dwFreeType)'),
  };
}

/** The functions of kernel32.dll. */
export type Kernel32 = ReturnType<typeof declareKernel32>;

let declared: Kernel32 | undefined;

/** kernel32.dll, opened at the first call: this module is loaded on systems that have none. */
export function kernel32(): Kernel32 {
  declared ??= declareKernel32();
  return declared;
}
