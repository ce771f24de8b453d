#include "image_loader.h"

#include <sys/stat.h>

#include <opencv2/imgcodecs.hpp>

#include "image_files.h"
#include "temporary_folder.h"

namespace ssd {
namespace {
namespace fs = std::filesystem;

class Images : public TemporaryFolder {
 protected:
  // Images 000.png, 001.png, ...; image i is i + 1 pixels wide, and all its pixels have the grey value i.
  std::vector<fs::path> draw(int count) const {
    std::vector<fs::path> paths;
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(1000 + i).substr(1);
      std::vector<uint8_t> content;
      cv::imencode(".png", cv::Mat(4, i + 1, CV_8UC3, cv::Scalar::all(i)), content);
      paths.push_back(write(number + ".png", std::string(content.begin(), content.end())));
    }
    return paths;
  }
};

TEST_F(Images, AreFoundByNameAndSuffix) {
  write("b.JPG", "");
  write("a.png", "");
  write("notes.txt", "");
  fs::create_directory(folder / "more");
  fs::create_directory(folder / "folder.jpg");
  ASSERT_EQ(mkfifo((folder / "pipe.jpg").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder / "device.jpg");
  fs::create_symlink("nothing", folder / "nowhere.jpg");
  const auto found = find_images(folder);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].filename(), "a.png");
  EXPECT_EQ(found[1].filename(), "b.JPG");
}

TEST_F(Images, FoldersThatCannotBeUsed) {
  EXPECT_NE(error_of([&] { find_images(folder); }).find("there is no image in"), std::string::npos);
  EXPECT_NE(error_of([&] { find_images(folder / "none"); }).find("cannot be read"), std::string::npos);
  write("a.png", "");
  write("a.jpg", "");
  EXPECT_NE(error_of([&] { find_images(folder); }).find("same name for their result files"), std::string::npos);
}

TEST_F(Images, FilesThatCannotBeRead) {
  EXPECT_EQ(read_file(write("a.png", "abc")), (std::vector<uint8_t>{'a', 'b', 'c'}));
  EXPECT_TRUE(read_file(write("empty.png", "")).empty());
  EXPECT_NE(error_of([&] { read_file(folder / "none"); }).find("No such file"), std::string::npos);
  EXPECT_NE(error_of([&] { read_file(folder); }).find("it is a folder, a pipe or a device"), std::string::npos);
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_NE(error_of([&] { read_file(folder / "pipe"); }).find("a pipe or a device"), std::string::npos);
}

TEST_F(Images, ComeInOrderFromSeveralThreads) {
  const auto paths = draw(40);
  for (const int threads : {1, 4}) {
    ImageLoader loader(paths, Preprocessor({2, 2, Layout::kChannelsFirst}), threads);
    for (int i = 0; i < 40; ++i) {
      const LoadedImage &image = loader.next();
      EXPECT_EQ(image.height, 4);
      EXPECT_EQ(image.width, i + 1);
      ASSERT_EQ(image.input.size(), 12U);
      EXPECT_NEAR(image.input[0], (i - 123.675) / 58.395, 1e-5);
    }
    EXPECT_THROW(loader.next(), std::logic_error);
  }
}

TEST_F(Images, ABrokenOneIsNamedWhenItsTurnComes) {
  auto paths = draw(20);
  write("007.png", "no image");
  ImageLoader loader(paths, Preprocessor({2, 2, Layout::kChannelsFirst}), 3);
  for (int i = 0; i < 7; ++i) {
    loader.next();
  }
  EXPECT_NE(error_of([&] { loader.next(); }).find("007.png cannot be decoded"), std::string::npos);
}

TEST_F(Images, NotAllNeedToBeTaken) {
  ImageLoader loader(draw(20), Preprocessor({2, 2, Layout::kChannelsFirst}), 3);
  EXPECT_EQ(loader.next().width, 1);
}

}  // namespace
}  // namespace ssd
