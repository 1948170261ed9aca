/** Node's child processes are started by the script that starts qemu, as the kernel cannot start a program for arm64. */
process.execPath = process.env.OVERLAPPED_EXEC_PATH ?? process.execPath;
