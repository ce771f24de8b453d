#include "pool.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace {

// How often an idle worker looks for the next kernel before it sleeps: kernels follow each other within microseconds,
// but the core may be needed by the framework.
constexpr int kSpins = 2000;

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

struct Job {
  const std::function<void(int)> &task;
  const int count;
  std::atomic<int> next{0};
  std::atomic<int> helpers{0};

  void work() {
    for (int index = next++; index < count; index = next++) task(index);
  }
};

class Pool {
 public:
  void set_threads(int threads) { wanted_ = threads; }

  void run(int count, const std::function<void(int)> &task) {
    std::unique_lock<std::mutex> busy(busy_, std::try_to_lock);
    if (busy.owns_lock()) start_workers();
    if (!busy.owns_lock() || count == 1 || workers_ == 0) {
      for (int index = 0; index < count; ++index) task(index);
      return;
    }
    Job job{task, count};
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      ++generation_;
    }
    wake_.notify_all();
    job.work();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = nullptr;
    }
    for (int spins = 0; job.helpers != 0; ++spins) {
      spins < kSpins ? pause() : std::this_thread::yield();
    }
  }

 private:
  void start_workers() {
    for (; workers_ + 1 < wanted_; ++workers_) std::thread([this] { serve(); }).detach();
  }

  void serve() {
    unsigned seen = 0;
    while (true) {
      for (int spins = 0; spins < kSpins && generation_ == seen; ++spins) pause();
      Job *job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_ != seen; });
        seen = generation_;
        job = job_;
        if (job != nullptr) ++job->helpers;
      }
      if (job != nullptr) {
        job->work();
        --job->helpers;
      }
    }
  }

  std::mutex busy_;  // held by the kernel that uses the pool
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<unsigned> generation_{0};
  Job *job_ = nullptr;
  int workers_ = 0;
  std::atomic<int> wanted_{1};
};

// Never destroyed: workers run until the process ends.
Pool &pool() {
  static Pool *instance = new Pool;
  return *instance;
}

}  // namespace

void parallel(int count, const std::function<void(int)> &task) { pool().run(count, task); }

extern "C" void set_threads(int threads) { pool().set_threads(threads); }
