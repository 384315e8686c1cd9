// Zeroed, aligned floats with slack behind them: kernels may read up to one vector past the last value.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace skipvid {

class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(size_t floats) : size_(floats) {
        void* memory = ::operator new(bytes(), alignment());
#if defined(__linux__)
        if (bytes() >= kHugePage)
            madvise(memory, bytes(), MADV_HUGEPAGE);  // a wish: nothing depends on its being granted
#endif
        std::memset(memory, 0, bytes());
        data_ = static_cast<float*>(memory);
    }
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Buffer() {
        if (data_ != nullptr) ::operator delete(data_, alignment());
    }
    float* data() { return data_; }
    const float* data() const { return data_; }
    float& operator[](size_t i) { return data_[i]; }
    float operator[](size_t i) const { return data_[i]; }
    size_t size() const { return size_; }

  private:
    static constexpr size_t kSlack = 64;  // floats
    static constexpr size_t kHugePage = size_t{2} << 20;

    size_t bytes() const { return (size_ + kSlack) * sizeof(float); }
    // Walking large maps in small pages costs more address translations than the processor caches.
    std::align_val_t alignment() const { return std::align_val_t{bytes() >= kHugePage ? kHugePage : 64}; }
    void swap(Buffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    float* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace skipvid
