// Threads that share out the tasks of a kernel.
#pragma once
#include <functional>

// Runs task(0) ... task(count - 1), each once, on the threads of the pool and on the caller's. Which thread runs which
// task is left to chance: results must not depend on it. Where another kernel holds the pool, the caller works alone.
void parallel(int count, const std::function<void(int)> &task);
