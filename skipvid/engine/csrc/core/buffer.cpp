#include "buffer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace skipvid {
namespace {

constexpr size_t kSlack = 64;  // floats
constexpr std::align_val_t kAlignment{64};

size_t bytes_of(size_t floats) { return (floats + kSlack) * sizeof(float); }

}  // namespace

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
// Scattered pixels of maps in small pages cost more address translations than the processor caches, and first touching
// small pages, one by one, as much as a full pass: huge ones are asked for. Buffers share them, as few are as large as
// a page. What is never touched costs neither time nor memory. (AddressSanitizer sees only bounds of memory on the
// heap.)
class Pages {
  public:
    explicit Pages(size_t size) : length_(size + kHugePage) {
        memory_ = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) throw std::bad_alloc();
        madvise(memory_, length_, MADV_HUGEPAGE);  // a wish: nothing depends on its being granted
        const auto address = reinterpret_cast<uintptr_t>(memory_);
        next_ = (address + kHugePage - 1) / kHugePage * kHugePage;
        end_ = next_ + size;
    }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    ~Pages() { munmap(memory_, length_); }

    // Null for what is too small to be worth it.
    static std::shared_ptr<Pages> with(size_t size, float*& cut) {
        if (size < kLeast) return nullptr;
        static std::mutex mutex;
        static std::weak_ptr<Pages> current;
        const std::lock_guard lock(mutex);
        auto pages = current.lock();
        if (pages == nullptr || pages->end_ - pages->next_ < size)
            current = pages = std::make_shared<Pages>(std::max(size, kRoom));
        cut = reinterpret_cast<float*>(pages->next_);
        const size_t lines = (size + 63) / 64 * 64;
        pages->next_ = std::min(pages->next_ + lines, pages->end_);
        return pages;
    }

    // Gives the system what lies in whole pages of a piece that nobody needs any more, while others stay.
    void discard(float* cut, size_t size) {
        const auto begin = (reinterpret_cast<uintptr_t>(cut) + kSmallPage - 1) / kSmallPage * kSmallPage;
        const auto end = (reinterpret_cast<uintptr_t>(cut) + size) / kSmallPage * kSmallPage;
        if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }

  private:
    static constexpr size_t kSmallPage = size_t{64} << 10;  // the largest that Linux has, a multiple of the others
    static constexpr size_t kHugePage = size_t{2} << 20, kRoom = size_t{64} << 20, kLeast = size_t{64} << 10;

    void* memory_;
    size_t length_;
    uintptr_t next_, end_;
};
#else
class Pages {
  public:
    static std::shared_ptr<Pages> with(size_t, float*&) { return nullptr; }
    void discard(float*, size_t) {}
};
#endif

Buffer::Buffer(size_t floats) : size_(floats) {
    pages_ = Pages::with(bytes_of(floats), data_);
    if (pages_ != nullptr) return;
    data_ = static_cast<float*>(::operator new(bytes_of(floats), kAlignment));
    std::memset(data_, 0, bytes_of(floats));
}

Buffer::~Buffer() {
    if (pages_ == nullptr) {
        if (data_ != nullptr) ::operator delete(data_, kAlignment);
    } else if (pages_.use_count() > 1) {
        pages_->discard(data_, bytes_of(size_));
    }
}

}  // namespace skipvid
